using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Fuzz.Making;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>
/// What a scheduler says: every start is answered once, unless its
/// stream ends; a message that ends the stream is followed by a new
/// one. Cases run one by one, since some of them take the stream away.
/// </summary>
internal sealed class UpdateTarget : WorkerTarget
{
    public override int AtOnce => 1;

    public override async Task<IReadOnlyList<string>> RunAsync(Draw draw)
    {
        var trees = TreesOf(draw);
        var (message, before) = (Message(draw, new Commands(draw, trees), trees), Rig.Scheduler.Connections);
        var start = TryParse(message)?.StartAction;
        if (start is null)
        {
            Rig.Scheduler.Say(message);
        }
        else
        {
            try
            {
                start.OperationId = $"{start.OperationId}#{draw.Number}";
                return [.. Answers.Problems(await Rig.Scheduler.ExecuteAsync(start).WaitAsync(Bound), retryable: true)];
            }
            catch (TimeoutException)
            {
                return [$"no answer to {start}"];
            }
            catch (IOException error)
            {
                return [$"{error.Message}, after {start}"];
            }
        }
        // Heard after the message: the worker has taken it, whatever it did with it.
        return await AfterAsync(before);
    }

    /// <summary>A good action is answered on this stream or, when the message has ended it, on the next.</summary>
    private async Task<IReadOnlyList<string>> AfterAsync(int before)
    {
        var action = new Reapi.Action
        {
            CommandDigest = Put(new Reapi.Command { Arguments = { "/bin/true" } }),
            InputRootDigest = Put(new Reapi.Directory()),
        };
        for (var attempt = 0; attempt < 3; attempt++)
        {
            await Rig.Scheduler.Connected.WaitAsync(Bound);
            try
            {
                var answer = await Rig.ExecuteAsync(Digest.FromWire(Put(action), DigestFunction.Sha256, "the action"))
                    .WaitAsync(Bound);
                return answer.ExecuteResponse?.Result is { ExitCode: 0 }
                    ? []
                    : [$"a good action afterwards was answered {answer}"];
            }
            catch (IOException)
            {
                // The message has ended the stream; the worker comes again.
            }
        }
        return [$"the worker came {Rig.Scheduler.Connections - before} times and went each time"];
    }

    private static byte[] Message(Draw draw, Commands commands, Trees trees)
    {
        var update = draw.Below(20) switch
        {
            0 => new Wire.UpdateForWorker { KeepAlive = new Empty() },
            1 => new Wire.UpdateForWorker(),
            2 => new Wire.UpdateForWorker
            {
                KillOperationRequest = new Wire.KillOperationRequest { OperationId = draw.Text() },
            },
            3 when draw.Percent(20) => new Wire.UpdateForWorker { Disconnect = new Empty() },
            4 when draw.Percent(20) => new Wire.UpdateForWorker
            {
                ConnectionResult = new Wire.ConnectionResult { WorkerId = draw.Text() },
            },
            _ => new Wire.UpdateForWorker { StartAction = Start(draw, commands, trees) },
        };
        var bytes = update.ToByteArray();
        return draw.Percent(25) ? draw.Mutate(bytes) : draw.Percent(2) ? draw.Bytes(200) : bytes;
    }

    private static Wire.StartExecute Start(Draw draw, Commands commands, Trees trees)
    {
        var action = commands.Action(commands.Good(), trees.Put(new Reapi.Directory()));
        var start = new Wire.StartExecute
        {
            OperationId = draw.Text(),
            WorkerId = draw.Text(),
            QueuedTimestamp = draw.Percent(30)
                ? null
                : new Timestamp { Seconds = draw.Number64(), Nanos = draw.Number32() },
            Platform = draw.Percent(50) ? commands.Platform() : null,
        };
        if (draw.Percent(5))
            return start;
        start.ExecuteRequest = new Reapi.ExecuteRequest
        {
            InstanceName = draw.Text(),
            SkipCacheLookup = draw.Percent(50),
            ActionDigest = draw.Percent(30) ? trees.Broken(trees.Put(action)) : trees.Put(action),
            DigestFunction = (Reapi.DigestFunction.Types.Value)draw.Pick([0, 1, 1, 1, 9, 2, -1, 77, int.MaxValue]),
        };
        return start;
    }

    private static Wire.UpdateForWorker? TryParse(byte[] message)
    {
        try
        {
            return Wire.UpdateForWorker.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}

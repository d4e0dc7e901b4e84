using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>Actions, Commands and Directories by digest: remembered when decoded, fetched in batches otherwise, each once at a time.</summary>
internal sealed class MessageSource(ICasClient cas, BatchQueue batches, TaskScheduler disk, CancellationToken lifetime)
{
    private const long DirectoriesBytes = 48 << 20;

    // Hardly one of these is asked for twice, but when its operation is sent again.
    private const long PlansBytes = 4 << 20;

    private readonly MessageCache _directories = new(DirectoriesBytes);
    private readonly MessageCache _plans = new(PlansBytes);
    private readonly Dictionary<Digest, Task<Arrival>> _flights = [];

    internal sealed record Arrival(ReadOnlyMemory<byte> Data, Fault? Fault);

    public bool Knows(Digest digest) => _directories.Knows(digest) || _plans.Knows(digest);

    public bool TryGet<T>(Digest digest, [NotNullWhen(true)] out T? message)
        where T : class, IMessage, new() =>
        (typeof(T) == typeof(Reapi.Directory) ? _directories : _plans).TryGet(digest, out message);

    public void Remember(Digest digest, IMessage message) => (message is Reapi.Directory ? _directories : _plans).Add(digest, message);

    /// <summary>Starts to fetch blobs, so that several kinds of message come in one call; what is known or too large is not begun.</summary>
    /// <param name="wanted">Digests, each with what its message is expected to be.</param>
    public IReadOnlyDictionary<Digest, Task<Arrival>> Begin(IEnumerable<(Digest Digest, MessageParser Parser)> wanted)
    {
        var batch = new List<QueuedBlob>();
        Dictionary<Digest, Task<Arrival>> flights;
        lock (_flights)
            flights = Start(wanted.Where(one => !Knows(one.Digest) && one.Digest.SizeBytes <= CasLimits.ProtobufBytes), batch);
        batches.Enqueue(batch);
        return flights;
    }

    /// <summary>All messages asked for.</summary>
    /// <param name="begun">What <see cref="Begin"/> began.</param>
    /// <exception cref="FaultException">Missing: every digest that the CAS lacks. Action: too large or not decodable. Storage otherwise.</exception>
    public async Task<Dictionary<Digest, T>> LoadAsync<T>(
        IReadOnlyCollection<Digest> digests, string what, CancellationToken cancellation, IReadOnlyDictionary<Digest, Task<Arrival>>? begun = null)
        where T : class, IMessage<T>, new()
    {
        var messages = new Dictionary<Digest, T>(digests.Count);
        var open = new List<Digest>();
        foreach (var digest in digests)
        {
            if (TryGet<T>(digest, out var known))
                messages[digest] = known;
            else if (digest.SizeBytes > CasLimits.ProtobufBytes)
                throw new FaultException(FaultKind.Action, $"{what} {digest} is larger than {CasLimits.ProtobufBytes} bytes, which no message may be");
            else
                open.Add(digest);
        }
        var batch = new List<QueuedBlob>();
        Dictionary<Digest, Task<Arrival>> flights;
        lock (_flights)
        {
            // What was in flight at the first look may have landed since.
            open.RemoveAll(digest => TryGet<T>(digest, out var known) && messages.TryAdd(digest, known));
            flights = Start(open.Where(digest => begun?.ContainsKey(digest) != true).Select(digest => (digest, (MessageParser)ParserOf<T>.Parser)), batch);
        }
        batches.Enqueue(batch);
        foreach (var digest in open.Where(digest => begun?.ContainsKey(digest) == true))
            flights[digest] = begun![digest];
        var missing = new List<Digest>();
        await Task.WhenAll(flights.Values).WaitAsync(cancellation);
        foreach (var (digest, flight) in flights)
        {
            var arrival = await flight;
            if (arrival.Fault is { Kind: FaultKind.Missing })
                missing.Add(digest);
            else if (arrival.Fault is { } fault)
                throw new FaultException(fault);
            else
                messages[digest] = TryGet<T>(digest, out var decoded) ? decoded : Decode<T>(digest, arrival.Data, what);
        }
        return missing.Count == 0 ? messages : throw new FaultException(MissingBlobs.Fault(what, missing));
    }

    private T Decode<T>(Digest digest, ReadOnlyMemory<byte> data, string what)
        where T : class, IMessage<T>, new()
    {
        if (!WireMessages.TryParse(ParserOf<T>.Parser, data.Span, out var message, out var problem))
            throw new FaultException(FaultKind.Action, $"{what} {digest} cannot be decoded: {problem}");
        Remember(digest, message);
        return message;
    }

    /// <summary>The flights of these digests, begun where there was none. Under the lock; what goes to <paramref name="batch"/> has to be queued after it.</summary>
    private Dictionary<Digest, Task<Arrival>> Start(IEnumerable<(Digest Digest, MessageParser Parser)> wanted, List<QueuedBlob> batch)
    {
        var flights = new Dictionary<Digest, Task<Arrival>>();
        foreach (var (digest, parser) in wanted)
        {
            if (_flights.TryGetValue(digest, out var flight))
            {
                flights[digest] = flight;
                continue;
            }
            var done = new TaskCompletionSource<Arrival>(TaskCreationOptions.RunContinuationsAsynchronously);
            flights[digest] = _flights[digest] = done.Task;
            if (digest.SizeBytes <= CasLimits.SmallBlobBytes)
                batch.Add(new QueuedBlob(digest, () => true, blob => Land(digest, parser, done, blob, again: true)));
            else
                _ = Task.Factory.StartNew(() => StreamAsync(digest, parser, done), CancellationToken.None, TaskCreationOptions.DenyChildAttach, disk);
        }
        return flights;
    }

    private async Task StreamAsync(Digest digest, MessageParser parser, TaskCompletionSource<Arrival> done)
    {
        try
        {
            var data = new byte[digest.SizeBytes];
            long length = 0;
            await cas.ReadAsync(digest, piece =>
            {
                if (piece.Length <= data.Length - length)
                    piece.CopyTo(data.AsSpan((int)length));
                length += piece.Length;
            }, lifetime);
            Land(digest, parser, done, new BatchBlob(digest, length == data.Length ? data : default(ReadOnlyMemory<byte>), null), again: false);
        }
        catch (Exception error)
        {
            Land(digest, parser, done, new BatchBlob(digest, default, Fault.From(error, FaultKind.Storage)), again: false);
        }
    }

    private void Land(Digest digest, MessageParser parser, TaskCompletionSource<Arrival> done, BatchBlob blob, bool again)
    {
        var fault = blob.Fault;
        if (fault is null && BlobHasher.Compute(blob.Data.Span, digest.Function) != digest)
        {
            if (again)
            {
                batches.Enqueue([new QueuedBlob(digest, () => true, second => Land(digest, parser, done, second, again: false))]);
                return;
            }
            fault = MissingBlobs.Corrupt(digest);
        }
        if (fault is null)
            Remember(digest, parser, blob.Data.Span);
        lock (_flights)
            _flights.Remove(digest);
        done.SetResult(new Arrival(blob.Data, fault));
    }

    /// <summary>Known before the flight ends, so that nobody finds it in neither place. What cannot be decoded is told to those who wait.</summary>
    private void Remember(Digest digest, MessageParser parser, ReadOnlySpan<byte> data)
    {
        // Whoever asked decodes it again and says what it was to be.
        if (WireMessages.TryParse(parser, data, out var message, out _))
            Remember(digest, message);
    }

    private static class ParserOf<T>
        where T : class, IMessage<T>, new()
    {
        public static MessageParser<T> Parser { get; } = new MessageParser<T>(static () => new T());
    }
}

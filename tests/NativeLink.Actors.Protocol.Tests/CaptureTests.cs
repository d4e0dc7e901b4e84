using System.Text.Json;
using Google.Protobuf;

namespace NativeLink.Actors.Protocol.Tests;

/// <summary>
/// What NativeLink 1.6.6 itself and its worker said to each other, recorded: read by our messages
/// it must come out again unchanged.
/// </summary>
public sealed class CaptureTests
{
    public static TheoryData<int> Messages
    {
        get
        {
            var rows = new TheoryData<int>();
            for (var i = 0; i < Recorded.Length; i++)
                rows.Add(i);
            return rows;
        }
    }

    private static JsonElement[] Recorded { get; } = [.. Resources.Lines("nativelink-1.6.6.jsonl")
        .Select(line => JsonDocument.Parse(line).RootElement)];

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_recorded_message_parses_and_encodes_back_to_the_same_bytes(int index)
    {
        var recorded = Recorded[index];
        var bytes = recorded.GetProperty("bytes").GetBytesFromBase64();
        IMessage message = recorded.GetProperty("from").GetString() == "worker"
            ? Wire.UpdateForScheduler.Parser.WithDiscardUnknownFields(true).ParseFrom(bytes)
            : Wire.UpdateForWorker.Parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(message.ToByteArray()));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_recorded_message_is_of_the_kind_and_has_the_content_that_was_noted_beside_it(int index)
    {
        var recorded = Recorded[index];
        var bytes = recorded.GetProperty("bytes").GetBytesFromBase64();
        var fromWorker = recorded.GetProperty("from").GetString() == "worker";
        var noted = recorded.GetProperty("message").GetRawText();
        var settings = JsonParser.Settings.Default.WithIgnoreUnknownFields(false);
        IMessage read = fromWorker
            ? Wire.UpdateForScheduler.Parser.ParseFrom(bytes)
            : Wire.UpdateForWorker.Parser.ParseFrom(bytes);
        Assert.Equal(new JsonParser(settings).Parse(noted, read.Descriptor), read);
        Assert.Equal(recorded.GetProperty("kind").GetString(),
            read.Descriptor.Oneofs[0].Accessor.GetCaseFieldDescriptor(read)!.Name);
    }

    [Fact]
    public void The_recording_covers_every_kind_of_message_but_the_rare_ones()
    {
        var kinds = Recorded.Select(recorded => recorded.GetProperty("kind").GetString()).ToHashSet();
        Assert.Superset(new HashSet<string?>
        {
            "connect_worker_request",
            "connection_result",
            "start_action",
            "execute_complete",
            "execute_result",
        }, kinds);
    }
}

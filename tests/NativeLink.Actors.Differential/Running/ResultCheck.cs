using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Differential.Generation;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Running;

/// <summary>Holds an answer against what was expected; every difference is a sentence.</summary>
internal static class ResultCheck
{
    /// <summary>
    /// Completed: the whole result with its Tree digests,
    /// to be held against those of other materialisers.
    /// </summary>
    public static Reapi.ActionResult? Check(
        Expectation expected, Wire.ExecuteResult answer, FakeCasServer cas, Action<string> differs)
    {
        if (expected.IsFifo)
        {
            if (answer.InternalError?.Code != (int)StatusCode.Internal)
                differs($"a fifo as an output: expected INTERNAL, got {answer}");
            return null;
        }
        if (answer.ExecuteResponse is not { Result: { } result } response)
        {
            differs($"no execute_response: {answer}");
            return null;
        }
        CheckStatus(expected, response, differs);
        CheckMetadata(result.ExecutionMetadata, differs);
        var bare = result.Clone();
        bare.ExecutionMetadata = null;
        var trees = bare.OutputDirectories.ToList();
        foreach (var directory in trees)
            CheckTree(expected, directory, cas, differs);
        var comparable = bare.Clone();
        comparable.OutputDirectories.ToList().ForEach(directory => directory.TreeDigest = null);
        var wanted = expected.Result;
        if (expected.Generated.Ending == Ending.NoProgram)
        {
            // The message names the directory of the action.
            wanted = wanted.Clone();
            wanted.StderrDigest = bare.StderrDigest = comparable.StderrDigest;
            comparable.StderrDigest = wanted.StderrDigest;
        }
        if (!comparable.Equals(wanted))
            differs($"expected {Text(wanted)}\n    got {Text(comparable)}{Output(expected, comparable, cas)}");
        else
            CheckBlobs(expected, cas, differs);
        if (expected.Generated.Ending == Ending.NoProgram)
            bare.StderrDigest = null;
        return bare;
    }

    private static void CheckStatus(Expectation expected, Reapi.ExecuteResponse response, Action<string> differs)
    {
        var code = expected.Generated.Ending switch
        {
            Ending.Timeout => StatusCode.DeadlineExceeded,
            Ending.MissingInput => StatusCode.FailedPrecondition,
            Ending.RefusedPath => StatusCode.InvalidArgument,
            _ => StatusCode.OK,
        };
        var status = response.Status ?? new Google.Rpc.Status();
        if (status.Code != (int)code)
            differs($"expected status {code}, got {status}");
        if (expected.Missing is not { } missing)
            return;
        var failure = status.Details.SingleOrDefault(
            detail => detail.Is(Google.Rpc.PreconditionFailure.Descriptor))?.Unpack<Google.Rpc.PreconditionFailure>();
        var subject = missing.Function == DigestFunction.Blake3 ? $"blobs/blake3/{missing}" : $"blobs/{missing}";
        if (failure?.Violations is not [{ Type: "MISSING" } only] || only.Subject != subject)
            differs($"expected one violation for {subject}, got {failure}");
    }

    private static void CheckMetadata(Reapi.ExecutedActionMetadata? metadata, Action<string> differs)
    {
        if (metadata is null)
        {
            differs("no execution_metadata");
            return;
        }
        Google.Protobuf.WellKnownTypes.Timestamp?[] stamps =
        [
            metadata.QueuedTimestamp, metadata.WorkerStartTimestamp, metadata.InputFetchStartTimestamp,
            metadata.InputFetchCompletedTimestamp, metadata.ExecutionStartTimestamp,
            metadata.ExecutionCompletedTimestamp, metadata.OutputUploadStartTimestamp,
            metadata.OutputUploadCompletedTimestamp, metadata.WorkerCompletedTimestamp,
        ];
        if (stamps.Any(stamp => stamp is null) || stamps.Zip(stamps.Skip(1)).Any(pair => pair.First! > pair.Second!))
            differs($"timestamps are missing or do not ascend: {metadata}");
    }

    /// <summary>
    /// The root is prescribed to the bit; the children
    /// are the expected ones, each once, parents first.
    /// </summary>
    private static void CheckTree(
        Expectation expected, Reapi.OutputDirectory directory, FakeCasServer cas, Action<string> differs)
    {
        var function = expected.Action.Function;
        if (!Digest.TryFromWire(directory.TreeDigest, function, out var digest)
            || cas.Blobs.GetValueOrDefault(digest) is not { } bytes || Hashes.Of(bytes, function) != digest)
        {
            differs($"the Tree of '{directory.Path}' is not in the CAS: {directory}");
            return;
        }
        if (!expected.Trees.TryGetValue(directory.Path, out var wanted))
            return;
        var tree = Reapi.Tree.Parser.ParseFrom(bytes);
        if (!tree.Root.Equals(wanted.Root))
            differs($"'{directory.Path}': expected the root {Text(wanted.Root)}\n    got {Text(tree.Root)}");
        var children = tree.Children.Select(child => Hashes.Of(child.ToByteArray(), function)).ToList();
        if (!children.ToHashSet().SetEquals(wanted.Below.Keys) || children.Count != wanted.Below.Count)
            differs(
                $"'{directory.Path}': expected the children {string.Join(", ", wanted.Below.Keys)}\n    got " +
                $"{string.Join(", ", children)}");
        var seen = new HashSet<Digest>();
        foreach (var (child, message) in children.Zip(tree.Children))
        {
            seen.Add(child);
            if (message.Directories.Any(below => seen.Contains(Digest.FromWire(below.Digest, function, "a child"))))
                differs(
                    $"'{directory.Path}': a child comes after what is below it, though the Tree is said to be sorted");
        }
    }

    private static void CheckBlobs(Expectation expected, FakeCasServer cas, Action<string> differs)
    {
        foreach (var (digest, content) in expected.Made)
        {
            if (!digest.IsEmpty && cas.Blobs.GetValueOrDefault(digest)?.AsSpan().SequenceEqual(content) != true)
                differs($"blob {digest} of the result is not in the CAS with its content");
        }
    }

    /// <summary>What was printed, where that differs: it says more than a digest.</summary>
    private static string Output(Expectation expected, Reapi.ActionResult result, FakeCasServer cas)
    {
        if (result.StdoutDigest.Equals(expected.Result.StdoutDigest)
            || cas.Blobs.GetValueOrDefault(Digest.FromWire(
                result.StdoutDigest, expected.Action.Function, "stdout")) is not { Length: < 10_000 } printed)
            return "";
        return $"\n    expected stdout " +
            $"{JsonSerializer.Serialize(System.Text.Encoding.UTF8.GetString(expected.Generated.Stdout))}\n    got " +
            $"{JsonSerializer.Serialize(System.Text.Encoding.UTF8.GetString(printed))}";
    }

    private static string Text(IMessage message) => JsonSerializer.Serialize(message.ToString());
}

using Google.Protobuf;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>Everything an action needs from the CAS, in as few round trips as the protocol permits. Shared by all actions; safe for several threads.</summary>
internal sealed class InputSource : ITreeSource, IDisposable
{
    /// <summary>More directories than this are read level by level rather than tree by tree.</summary>
    private const int TreesAtOnce = 8;

    private readonly CancellationTokenSource _lifetime = new();
    private readonly ICasClient _cas;
    private readonly MessageSource _messages;
    private readonly FileSource _files;

    /// <param name="disk">Runs what blocks on the disk.</param>
    public InputSource(ICasClient cas, ContentStore store, TaskScheduler disk)
    {
        _cas = cas;
        var batches = new BatchQueue(cas, disk, _lifetime.Token);
        _messages = new MessageSource(cas, batches, disk, _lifetime.Token);
        _files = new FileSource(cas, store, batches, disk, _lifetime.Token);
    }

    /// <summary>The Action, then its Command, and with it the root Directory if that is not known: two round trips cold, one warm.</summary>
    /// <exception cref="FaultException">Missing, Action (too large, not decodable, a malformed digest) or Storage.</exception>
    public async Task<(Reapi.Action Action, Reapi.Command Command)> LoadActionAsync(Digest digest, CancellationToken cancellation)
    {
        var action = (await _messages.LoadAsync<Reapi.Action>([digest], "the action", cancellation))[digest];
        Digest command, root;
        try
        {
            command = Digest.FromWire(action.CommandDigest, digest.Function, "the command");
            root = Digest.FromWire(action.InputRootDigest, digest.Function, "the input root");
        }
        catch (FormatException error)
        {
            throw new FaultException(FaultKind.Action, $"action {digest}: {error.Message}", error);
        }
        var begun = _messages.Begin([(command, Reapi.Command.Parser), (root, Reapi.Directory.Parser)]);
        var remembered = RememberRootAsync(root, begun, cancellation);
        var loaded = (await _messages.LoadAsync<Reapi.Command>([command], "the command", cancellation, begun))[command];
        await remembered;
        return (action, loaded);
    }

    public async Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
        IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold, CancellationToken cancellation)
    {
        var result = await _messages.LoadAsync<Reapi.Directory>(directories, "directories of the input tree", cancellation);
        var cold = result.Where(pair => IsCold(pair.Key, pair.Value) && isCold(pair.Key, pair.Value)).Select(pair => pair.Key).ToList();
        if (cold.Count is 0 or > TreesAtOnce)
            return result;
        foreach (var tree in await Task.WhenAll(cold.Select(root => TreeAsync(root, cancellation))))
        {
            foreach (var (digest, directory) in tree)
                result.TryAdd(digest, directory);
        }
        return result;
    }

    public Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation) => _files.FetchAsync(files, cancellation);

    public void Dispose()
    {
        // Not disposed: late work still looks at the token.
        _lifetime.Cancel();
        _files.Dispose();
    }

    /// <summary>A root that cannot be had is a fault only for who stages it: its tree may be cached on disk.</summary>
    private async Task RememberRootAsync(Digest root, IReadOnlyDictionary<Digest, Task<MessageSource.Arrival>> begun, CancellationToken cancellation)
    {
        try
        {
            if (begun.ContainsKey(root))
                await _messages.LoadAsync<Reapi.Directory>([root], "the input root", cancellation, begun);
        }
        catch (Exception error) when (error is FaultException or OperationCanceledException)
        {
            // Asked for again, and told, when the inputs are staged.
        }
    }

    private static IEnumerable<Digest> Digests(IEnumerable<Reapi.Digest> wire, DigestFunction function)
    {
        foreach (var one in wire)
        {
            if (Digest.TryFromWire(one, function, out var digest) && !digest.IsEmpty)
                yield return digest;
        }
    }

    /// <summary>Nothing below is known: one GetTree is cheaper than a call for each level.</summary>
    private bool IsCold(Digest digest, Reapi.Directory directory)
    {
        var any = false;
        foreach (var child in Digests(directory.Directories.Select(node => node.Digest), digest.Function))
        {
            if (_messages.Knows(child))
                return false;
            any = true;
        }
        return any;
    }

    /// <summary>What GetTree brings, each message under the digest of its own bytes; empty when it does not help.</summary>
    private async Task<Dictionary<Digest, Reapi.Directory>> TreeAsync(Digest root, CancellationToken cancellation)
    {
        var tree = new Dictionary<Digest, Reapi.Directory>();
        try
        {
            foreach (var directory in await _cas.GetTreeAsync(root, cancellation) ?? [])
            {
                var digest = BlobHasher.Compute(directory.ToByteArray(), root.Function);
                if (tree.TryAdd(digest, directory))
                    _messages.Remember(digest, directory);
            }
        }
        catch (FaultException)
        {
            // Level by level says exactly what is missing, and needs nothing that a failed GetTree had.
        }
        return tree;
    }
}

using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>Actions, trees and files that have been made and not been sent yet.</summary>
internal sealed class BlobSet
{
    private readonly Dictionary<Digest, ByteString> _pending = [];

    public IReadOnlyDictionary<Digest, ByteString> Pending => _pending;

    public Digest Add(IEnumerable<string> arguments, Reapi.Directory? root = null, IEnumerable<string>? outputs = null,
        string salt = "") =>
        Add(arguments, Add(root ?? new Reapi.Directory()), outputs, salt);

    /// <summary>An action; its root and its salt make it unlike the others.</summary>
    /// <param name="timeout">Null: as long as the worker lets it.</param>
    public Digest Add(
        IEnumerable<string> arguments, Digest root, IEnumerable<string>? outputs = null, string salt = "",
        IReadOnlyDictionary<string, string>? environment = null, TimeSpan? timeout = null)
    {
        var command = new Reapi.Command();
        command.Arguments.Add(arguments);
        command.OutputPaths.Add(outputs ?? []);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            command.EnvironmentVariables.Add(new Reapi.Command.Types.EnvironmentVariable
            {
                Name = name,
                Value = value,
            });
        return Add(new Reapi.Action
        {
            CommandDigest = Add(command).ToWire(),
            InputRootDigest = root.ToWire(),
            Salt = ByteString.CopyFromUtf8(salt),
            Timeout = timeout is { } bound ? Duration.FromTimeSpan(bound) : null,
        });
    }

    public Digest Add(IMessage message) => Add(message.ToByteString());

    public Digest Add(ByteString data)
    {
        var digest = BlobHasher.Compute(data.Span, DigestFunction.Sha256);
        _pending[digest] = data;
        return digest;
    }

    /// <summary>Puts everything into a store on this disk, which another process may have open.</summary>
    public void PutInto(ContentStore store)
    {
        foreach (var (digest, data) in _pending)
            store.Put(digest, data.Span);
        Clear();
    }

    public void Clear() => _pending.Clear();
}

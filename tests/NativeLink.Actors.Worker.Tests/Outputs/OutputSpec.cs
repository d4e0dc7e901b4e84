using Akka.Actor;
using Akka.TestKit.Xunit2;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Stores;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;

namespace NativeLink.Actors.Worker.Tests.Outputs;

/// <summary>An uploader, a fake CAS and a directory in which an action has run.</summary>
public abstract class OutputSpec() : TestKit(TestKits.Real), IAsyncLifetime
{
    private protected static readonly AttemptId Op = AttemptId.Next(new OperationId("op"));
    protected static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private GrpcActionCacheClient _cache = null!;

    protected FakeCasServer Server { get; private set; } = null!;

    private protected GrpcCasClient Client { get; private set; } = null!;

    private protected ContentStore Store { get; private set; } = null!;

    /// <summary>The input root.</summary>
    protected string Root => _directory.At("op", "work");

    /// <summary>A directory outside the root.</summary>
    protected string Outside => _directory.At("outside");

    protected bool FillsStore { get; set; }

    protected DigestFunction Function { get; set; } = DigestFunction.Sha256;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Root);
        Directory.CreateDirectory(Outside);
        Server = await FakeCasServer.StartAsync();
        var options = new GrpcStoreOptions { Endpoints = [new GrpcEndpointOptions(Server.Address)] };
        Client = new GrpcCasClient(options, TimeProvider.System, new Random(1));
        _cache = new GrpcActionCacheClient(options, TimeProvider.System, new Random(1));
        Store = ContentStore.Open(new ContentStoreOptions(_directory.At("content"), _directory.At("temp")),
            TimeProvider.System);
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await Client.DisposeAsync();
        await _cache.DisposeAsync();
        await Server.DisposeAsync();
        Store.Dispose();
        _directory.Dispose();
    }

    protected IActorRef Uploader(ICasClient? cas = null) =>
        Sys.ActorOf(CasUploader.CreateProps(Targets(cas), TimeProvider.System));

    private protected UploadTargets Targets(ICasClient? cas = null) =>
        new(cas ?? Client, FillsStore || cas is StoreCasClient ? Store : null, new NativeFiles(), _cache, null);

    protected void Write(string path, string content = "", bool executable = false)
    {
        var full = Path.Combine(Root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
        File.SetUnixFileMode(full, (UnixFileMode)(executable ? 0x1ed : 0x1a4));
    }

    protected void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Root, path))!);
        File.CreateSymbolicLink(Path.Combine(Root, path), target);
    }

    private protected UploadPlan Plan(Reapi.Command command, bool movable = false) =>
        new(Root, command, Function, _directory.At("stdout"), _directory.At("stderr"), path => movable ? path : null);

    protected void WriteSpools(string stdout, string stderr)
    {
        File.WriteAllText(_directory.At("stdout"), stdout);
        File.WriteAllText(_directory.At("stderr"), stderr);
    }

    protected static Reapi.Command Outputs(params string[] paths) => new() { OutputPaths = { paths } };

    protected async Task<Reapi.ActionResult> UploadAsync(
        Reapi.Command command, bool movable = false, IActorRef? uploader = null)
    {
        (uploader ?? Uploader()).Tell(new Upload(Op, Plan(command, movable)), TestActor);
        var answer = await ExpectMsgAsync<object>(Soon);
        return answer is Uploaded uploaded
            ? uploaded.Outputs
            : throw new FaultException(Assert.IsType<UploadFailed>(answer).Fault);
    }

    protected Reapi.Tree TreeOf(Reapi.OutputDirectory directory) =>
        Reapi.Tree.Parser.ParseFrom(Server.Blobs[Digest.FromWire(directory.TreeDigest, Function, "the tree")]);

    protected string TextOf(Reapi.Digest digest) =>
        System.Text.Encoding.UTF8.GetString(Server.Blobs[Digest.FromWire(digest, Function, "a blob")]);
}

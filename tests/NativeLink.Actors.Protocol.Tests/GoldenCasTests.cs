using Google.ByteStream;
using Google.Protobuf;
using Compressor = Build.Bazel.Remote.Execution.V2.Compressor.Types.Value;
using Function = Build.Bazel.Remote.Execution.V2.DigestFunction.Types.Value;

namespace NativeLink.Actors.Protocol.Tests;

/// <summary>Encodings of <c>ContentAddressableStorage</c> and <c>ByteStream</c>, written by hand.</summary>
public sealed class GoldenCasTests
{
    private static readonly ByteString Abc = ByteString.CopyFromUtf8("abc");

    [Fact]
    public void FindMissingBlobs()
    {
        Golden.Holds("0a046d61696e12060a026162100112040a0263641809", new Reapi.FindMissingBlobsRequest
        {
            InstanceName = "main",
            BlobDigests = { Golden.Digest("ab", 1), Golden.Digest("cd", 0) },
            DigestFunction = Function.Blake3,
        });
        Golden.Holds("12060a0261621001", new Reapi.FindMissingBlobsResponse
        {
            MissingBlobDigests = { Golden.Digest("ab", 1) },
        });
    }

    [Fact]
    public void BatchUpdateBlobs()
    {
        Golden.Holds("0a046d61696e120f0a060a0261621003120361626318012801", new Reapi.BatchUpdateBlobsRequest
        {
            InstanceName = "main",
            Requests = { new Reapi.BatchUpdateBlobsRequest.Types.Request
            {
                Digest = Golden.Digest("ab", 3),
                Data = Abc,
                Compressor = Compressor.Zstd,
            } },
            DigestFunction = Function.Sha256,
        });
        Golden.Holds("0a110a060a0261621003120708031203626164", new Reapi.BatchUpdateBlobsResponse
        {
            Responses = { new Reapi.BatchUpdateBlobsResponse.Types.Response
            {
                Digest = Golden.Digest("ab", 3),
                Status = new() { Code = 3, Message = "bad" },
            } },
        });
    }

    [Fact]
    public void BatchReadBlobs()
    {
        Golden.Holds("0a046d61696e12060a02616210031a0200012009", new Reapi.BatchReadBlobsRequest
        {
            InstanceName = "main",
            Digests = { Golden.Digest("ab", 3) },
            AcceptableCompressors = { Compressor.Identity, Compressor.Zstd },
            DigestFunction = Function.Blake3,
        });
        Golden.Holds("0a110a060a026162100312036162631a002001", new Reapi.BatchReadBlobsResponse
        {
            Responses =
            {
                new Reapi.BatchReadBlobsResponse.Types.Response
                {
                    Digest = Golden.Digest("ab", 3),
                    Data = Abc,
                    Status = new(),
                    Compressor = Compressor.Zstd,
                },
            },
        });
    }

    [Fact]
    public void GetTree()
    {
        Golden.Holds("0a046d61696e12060a026162100318022201742801", new Reapi.GetTreeRequest
        {
            InstanceName = "main",
            RootDigest = Golden.Digest("ab", 3),
            PageSize = 2,
            PageToken = "t",
            DigestFunction = Function.Sha256,
        });
        Golden.Holds("0a240a0d0a016612060a02616210012001120b0a016412060a02636410021a060a016c12017412016e",
            new Reapi.GetTreeResponse
            {
                Directories =
            {
                new Reapi.Directory
                {
                    Files = { new Reapi.FileNode { Name = "f", Digest = Golden.Digest("ab", 1), IsExecutable = true } },
                    Directories = { new Reapi.DirectoryNode { Name = "d", Digest = Golden.Digest("cd", 2) } },
                    Symlinks = { new Reapi.SymlinkNode { Name = "l", Target = "t" } },
                },
            },
                NextPageToken = "n",
            });
    }

    [Fact]
    public void SplitBlob_and_SpliceBlob()
    {
        const Reapi.ChunkingFunction.Types.Value FastCdc = Reapi.ChunkingFunction.Types.Value.FastCdc2020;
        Golden.Holds("0a046d61696e12060a026162100318012001", new Reapi.SplitBlobRequest
        {
            InstanceName = "main",
            BlobDigest = Golden.Digest("ab", 3),
            DigestFunction = Function.Sha256,
            ChunkingFunction = FastCdc,
        });
        Golden.Holds("0a060a02616210031001", new Reapi.SplitBlobResponse
        {
            ChunkDigests = { Golden.Digest("ab", 3) },
            ChunkingFunction = FastCdc,
        });
        Golden.Holds("0a046d61696e12060a02616210031a060a02636410011a060a026566100220012801", new Reapi.SpliceBlobRequest
        {
            InstanceName = "main",
            BlobDigest = Golden.Digest("ab", 3),
            ChunkDigests = { Golden.Digest("cd", 1), Golden.Digest("ef", 2) },
            DigestFunction = Function.Sha256,
            ChunkingFunction = FastCdc,
        });
        Golden.Holds("0a060a0261621003", new Reapi.SpliceBlobResponse { BlobDigest = Golden.Digest("ab", 3) });
    }

    [Fact]
    public void Tree() => Golden.Holds("0a0e2a0c0a060a016b120176120208091200", new Reapi.Tree
    {
        Root = new()
        {
            NodeProperties = new()
            {
                Properties = { new Reapi.NodeProperty { Name = "k", Value = "v" } },
                Mtime = new() { Seconds = 9 },
            },
        },
        Children = { new Reapi.Directory() },
    });

    [Fact]
    public void ByteStream()
    {
        Golden.Holds("0a0a626c6f62732f61622f3310011802", new ReadRequest
        {
            ResourceName = "blobs/ab/3",
            ReadOffset = 1,
            ReadLimit = 2,
        });
        Golden.Holds("5203616263", new ReadResponse { Data = Abc });
        Golden.Holds(
            "0a1475706c6f6164732f752f626c6f62732f61622f3310ac0218015203616263",
            new WriteRequest
            {
                ResourceName = "uploads/u/blobs/ab/3",
                WriteOffset = 300,
                FinishWrite = true,
                Data = Abc,
            });
        Golden.Holds("08ffffffffffffffffff01", new WriteResponse { CommittedSize = -1 });
        Golden.Holds("0a0172", new QueryWriteStatusRequest { ResourceName = "r" });
        Golden.Holds("08031001", new QueryWriteStatusResponse { CommittedSize = 3, Complete = true });
    }
}

using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Stores;

namespace NativeLink.Actors.Worker.Tests.Stores;

public sealed class StoreCasClientTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly ContentStore _store;
    private readonly StoreCasClient _client;

    public StoreCasClientTests()
    {
        _store = ContentStore.Open(new ContentStoreOptions(_directory.At("content"), _directory.At("temp")),
            TimeProvider.System);
        _client = new StoreCasClient(_store);
    }

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_is_written_is_found_and_read_back_whole_and_in_batches()
    {
        var (small, large) = ("small"u8.ToArray(), new byte[3_000_000]);
        new Random(1).NextBytes(large);
        var digests = new[] { BlobHasher.Compute(small, DigestFunction.Sha256),
            BlobHasher.Compute(large, DigestFunction.Sha256) };
        var path = _directory.At("file");
        await File.WriteAllBytesAsync(path, large);
        Assert.Equal(digests, (await _client.FindMissingAsync(
            [.. digests, Digest.Empty(DigestFunction.Sha256)], CancellationToken.None)).ToArray());
        await _client.WriteBatchAsync([(digests[0], small)], CancellationToken.None);
        using (var file = File.OpenHandle(path))
            await _client.WriteAsync(digests[1], new BlobSource(default, file), CancellationToken.None);
        Assert.Empty(await _client.FindMissingAsync(digests, CancellationToken.None));
        var read = new MemoryStream();
        await _client.ReadAsync(digests[1], data => read.Write(data), CancellationToken.None);
        Assert.Equal(large, read.ToArray());
        Assert.Equal(small, (await _client.ReadBatchAsync([digests[0]], CancellationToken.None))[0].Data.ToArray());
    }

    [Fact]
    public async Task NL_189_What_is_not_there_is_missing_and_wrong_bytes_are_refused()
    {
        var gone = BlobHasher.Compute("gone"u8, DigestFunction.Sha256);
        var error = await Assert.ThrowsAsync<FaultException>(
            async () => await _client.ReadAsync(gone, _ => { }, CancellationToken.None));
        Assert.Equal(FaultKind.Missing, error.Fault.Kind);
        Assert.Equal(FaultKind.Missing, (await _client.ReadBatchAsync([gone], CancellationToken.None))[0].Fault!.Kind);
        error = await Assert.ThrowsAsync<FaultException>(
            async () => await _client.WriteBatchAsync([(gone, "lies"u8.ToArray())], CancellationToken.None));
        Assert.Equal(FaultKind.Storage, error.Fault.Kind);
        Assert.False(_store.Contains(gone));
    }
}

using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

/// <summary>The check that a running store makes of itself.</summary>
public sealed class SamplingTests : IDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly WatchedTime _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly StoreFixture _fixture;
    private readonly List<Digest> _found = [];

    public SamplingTests()
    {
        _fixture = new StoreFixture(time: _time);
        _fixture.Store.Quarantined += _found.Add;
    }

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(DigestFunction.Sha256)]
    [InlineData(DigestFunction.Blake3)]
    public void A_blob_that_went_bad_is_found_within_the_hour_and_sound_ones_stay(DigestFunction function)
    {
        var blobs = Enumerable.Range(0, 10).Select(i => Blobs.Numbered(i, 5000)).Select(content =>
        {
            var digest = BlobHasher.Compute(content, function);
            _fixture.Store.Put(digest, content);
            return digest;
        }).ToList();
        _fixture.Corrupt(_fixture.BlobPath(blobs[4]));
        using var sampling = StoreSampling.Start(_fixture.Store, _time, new Random(1));

        Pass(minutes: 60);

        Assert.Equal(blobs[4].Hash, Assert.Single(_found).Hash);
        Assert.Equal(9, _fixture.Store.Usage.Count);
    }

    [Fact]
    public void A_corrupt_executable_copy_is_found_too()
    {
        var tool = _fixture.Store.Put("tool");
        _fixture.Store.TryLinkTo(tool, executable: true, _fixture.Directory.At("link"));
        _fixture.Corrupt(_fixture.ExecutableCopyPath(tool));
        using var sampling = StoreSampling.Start(_fixture.Store, _time, new Random(1));

        Pass(minutes: 1);

        Assert.Equal([tool], _found);
        Assert.True(_fixture.Store.Contains(tool));
        Assert.Equal((4096, 1), _fixture.Store.Usage);
    }

    [Fact]
    public void A_large_blob_is_read_over_several_minutes()
    {
        var content = Blobs.Numbered(1, (int)(StoreSampling.BytesPerMinute * 2) + 1);
        _fixture.Corrupt(_fixture.BlobPath(_fixture.Store.Put(content)));
        using var sampling = StoreSampling.Start(_fixture.Store, _time, new Random(1));

        // Read twice: what does not have the one hash may have the other.
        Pass(minutes: 4);
        Assert.Empty(_found);
        Pass(minutes: 1);
        Assert.Single(_found);
    }

    [Fact]
    public void Sampling_goes_on_after_an_error_and_ends_when_it_is_disposed()
    {
        var digest = _fixture.Store.Put("sound");
        _fixture.Corrupt(_fixture.BlobPath(digest));
        _fixture.Store.Quarantined += static _ => throw new IOException("who hears of it fails");
        var sampling = StoreSampling.Start(_fixture.Store, _time, new Random(1));

        Pass(minutes: 2);
        Assert.Contains(
            _fixture.Warnings, static text => text.Contains("who hears of it fails", StringComparison.Ordinal));
        Assert.Equal(1, _time.Waiting);
        sampling.Dispose();
        Assert.Equal(0, _time.Waiting);
    }

    /// <summary>Each minute's work is done when its timer waits again.</summary>
    private void Pass(int minutes)
    {
        for (var i = 0; i < minutes; i++)
        {
            _time.Advance(Minute);
            Assert.True(SpinWait.SpinUntil(() => _time.Waiting == 1, TimeSpan.FromSeconds(30)));
        }
    }
}

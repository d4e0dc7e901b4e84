namespace NativeLink.Actors.Worker.Tests.Inputs;

/// <summary>A blob that went bad on the disk costs one more fetch and no action.</summary>
public sealed class CorruptBlobTests : InputSpec
{
    [Theory]
    [InlineData(1000)]
    [InlineData(2_000_000)]
    public async Task A_corrupt_blob_that_a_sample_found_is_fetched_anew_for_the_next_action(int length)
    {
        var good = Noise(length);
        var file = Server.Put(good);
        (await Source.FetchAsync([file], None)).Dispose();
        Corrupt(file);
        // Nobody has looked at it: it is used as it is.
        (await Source.FetchAsync([file], None)).Dispose();
        Assert.Equal(1, Server.Reads[file]);

        Assert.Equal(1, Store.VerifySample(1, new Random(1)));
        (await Source.FetchAsync([file], None)).Dispose();

        Assert.Equal(2, Server.Reads[file]);
        Assert.Equal(good, Stored(file));
    }

    private void Corrupt(Digest digest)
    {
        var path = Path.Combine(StoreDirectory, "d", $"{digest.Hash}-{digest.SizeBytes}");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(path, new byte[digest.SizeBytes]);
    }
}

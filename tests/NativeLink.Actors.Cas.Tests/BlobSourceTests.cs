namespace NativeLink.Actors.Cas.Tests;

public sealed class BlobSourceTests
{
    [Fact]
    public void A_file_that_cannot_be_read_is_the_workers_fault_and_no_broken_connection()
    {
        // Its first page is never mapped: reading there is EIO.
        using var file = File.OpenHandle("/proc/self/mem");
        var error = Assert.Throws<FaultException>(
            () => new BlobSource(default, file, "out/broken").Read(new byte[16], 0));
        Assert.Equal(FaultKind.Worker, error.Fault.Kind);
        Assert.StartsWith("out/broken cannot be read: ", error.Fault.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "abcd")]
    [InlineData(3, "defg")]
    [InlineData(5, "fg")]
    public void Bytes_in_memory_are_read_from_any_place(long offset, string expected)
    {
        var target = new byte[4];
        var filled = new BlobSource("abcdefg"u8.ToArray(), null).Read(target, offset);
        Assert.Equal(expected, System.Text.Encoding.UTF8.GetString(target, 0, filled));
    }
}

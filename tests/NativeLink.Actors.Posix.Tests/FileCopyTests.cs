
namespace NativeLink.Actors.Posix.Tests;

public class FileCopyTests
{
    private const int Megabyte = 1 << 20;
    private const int BadDescriptor = 9;

    [Fact]
    public void A_sparse_file_that_cannot_be_searched_for_data_is_an_error_and_not_a_file_of_zeros()
    {
        using var directory = new TempDirectory();
        Make(directory.At("sparse"), Megabyte, dataAt: 500_000);
        // A descriptor that is only a name can be looked at, and refuses every lseek.
        var from = Libc.Open(directory.At("sparse"), OpenFlags.PathOnly | OpenFlags.CloseOnExec);
        using var to = File.OpenHandle(directory.At("copy"), FileMode.CreateNew, FileAccess.Write);

        Assert.Equal(BadDescriptor, FileCopy.Copy(from, (int)to.DangerousGetHandle(), tryReflink: false));

        _ = Libc.Close(from);
        Assert.Equal(0, RandomAccess.GetLength(to));
    }

    [Theory]
    [InlineData(Megabyte, null)]
    [InlineData(Megabyte, 0)]
    [InlineData(Megabyte, Megabyte - 4)]
    [InlineData(4, 0)]
    public void Holes_at_the_end_in_front_and_everywhere_are_copied_as_they_are(int length, int? dataAt)
    {
        using var directory = new TempDirectory();
        Make(directory.At("from"), length, dataAt);
        using (var from = File.OpenHandle(directory.At("from")))
        using (var to = File.OpenHandle(directory.At("to"), FileMode.CreateNew, FileAccess.Write))
            Assert.Equal(
                0, FileCopy.Copy((int)from.DangerousGetHandle(), (int)to.DangerousGetHandle(), tryReflink: false));

        Assert.Equal(File.ReadAllBytes(directory.At("from")), File.ReadAllBytes(directory.At("to")));
        Assert.True(Blocks(directory.At("from")) >= Blocks(directory.At("to")));
    }

    /// <summary>A file that has four bytes of data at most and is a hole otherwise.</summary>
    private static void Make(string path, int length, int? dataAt)
    {
        using var file = new FileStream(path, FileMode.CreateNew);
        file.SetLength(length);
        if (dataAt is { } at)
        {
            file.Position = at;
            file.Write("data"u8);
        }
    }

    private static ulong Blocks(string path)
    {
        Assert.Equal(0, Libc.StatxAt(Libc.AtFdCwd, path, 0, StatxBuffer.Basic, out var status));
        return status.Blocks;
    }
}

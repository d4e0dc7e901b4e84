using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Tests.Native;

public class FileCopyTests
{
    private const int BadDescriptor = 9;

    [Fact]
    public void A_sparse_file_that_cannot_be_searched_for_data_is_an_error_and_not_a_file_of_zeros()
    {
        using var directory = new TempDirectory();
        Shell.Run("truncate -s 1M sparse && printf data | dd of=sparse bs=1 seek=500000 conv=notrunc 2>/dev/null", directory.Path);
        // A descriptor that is only a name can be looked at, and refuses every lseek.
        const int OnlyAName = 0x200000;
        var from = Libc.Open(directory.At("sparse"), OnlyAName | Libc.CloseOnExec, 0);
        using var to = File.OpenHandle(directory.At("copy"), FileMode.CreateNew, FileAccess.Write);

        Assert.Equal(BadDescriptor, FileCopy.Copy(from, (int)to.DangerousGetHandle(), tryReflink: false));

        _ = Libc.Close(from);
        Assert.Equal(0, RandomAccess.GetLength(to));
    }

    [Theory]
    [InlineData("truncate -s 1M from")]
    [InlineData("truncate -s 1M from && printf data | dd of=from bs=1 conv=notrunc 2>/dev/null")]
    [InlineData("truncate -s 1M from && printf data | dd of=from bs=1 seek=1048572 conv=notrunc 2>/dev/null")]
    [InlineData("printf full > from")]
    public void Holes_at_the_end_in_front_and_everywhere_are_copied_as_they_are(string make)
    {
        using var directory = new TempDirectory();
        Shell.Run(make, directory.Path);
        using var from = File.OpenHandle(directory.At("from"));
        using (var to = File.OpenHandle(directory.At("to"), FileMode.CreateNew, FileAccess.Write))
            Assert.Equal(0, FileCopy.Copy((int)from.DangerousGetHandle(), (int)to.DangerousGetHandle(), tryReflink: false));

        Assert.Equal((0, "0\n"), Shell.Run("cmp from to && test $(stat -c %b from) -ge $(stat -c %b to); echo $?", directory.Path));
    }
}

namespace NativeLink.Actors.Posix.Tests;

public class PassingPagesTests
{
    [Fact]
    public void What_is_not_huge_stays_where_it_is()
    {
        using var directory = new TempDirectory();
        using var file = File.OpenHandle(directory.At("file"), FileMode.CreateNew, FileAccess.ReadWrite);
        Assert.Null(PassingPages.ForReading(file, PassingPages.HugeBytes));
        Assert.Null(PassingPages.ForWriting(file, PassingPages.HugeBytes));
    }
}

using System.Buffers.Binary;
using System.Text;

namespace NativeLink.Actors.Posix.Tests;

/// <summary>
/// That declarations and numbers are those of this machine: whoever mistypes one reads another
/// field or sets another flag.
/// </summary>
public sealed class LibcTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public unsafe void Structures_are_as_long_as_the_kernels()
    {
        Assert.Equal(256, sizeof(StatxBuffer));
        Assert.Equal(16, sizeof(StatxTime));
        Assert.Equal(16, sizeof(TimeSpec));
        Assert.Equal(16, sizeof(ResourceLimit));
        Assert.True(sizeof(StatvfsBuffer) >= 112);
    }

    [Fact]
    public void A_file_is_what_dotnet_says_it_is()
    {
        var path = _directory.At("file");
        File.WriteAllText(path, "hello");
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(1234));

        Assert.Equal(0, Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var status));

        Assert.Equal((5UL, 1234L, 1U), (status.Size, status.ModifyTime.Seconds, status.LinkCount));
        Assert.Equal((true, false), (status.IsRegular, status.IsDirectory));
        Assert.Equal((uint)File.GetUnixFileMode(path), status.Mode & 0xFFFu);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(126)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(200)]
    public void A_name_is_the_same_on_the_stack_and_where_it_is_too_long_for_that(int letters)
    {
        // Two bytes each; the names of two directories make up the path, so that it passes 256
        // bytes before a single name does.
        var name = new string('ä', letters / 2);
        var path = $"{name}/{name}";
        Directory.CreateDirectory(_directory.At(name));
        File.WriteAllText(_directory.At(path), "x");
        var directory = Libc.Open(_directory.Path, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.CloseOnExec);
        try
        {
            Assert.Equal(0, Libc.StatxAt(directory, path, 0, StatxBuffer.Basic, out var status));
            Assert.True(status.IsRegular);
            Assert.Equal(0, Libc.ChangeModeAt(directory, path, 0x180, 0));
            Assert.Equal(0, Libc.RenameAt(directory, path, directory, path + "b"));
            Assert.True(File.Exists(_directory.At(path + "b")));
            Assert.Equal(0, Libc.UnlinkAt(directory, path + "b", 0));
            Assert.Equal((-1, Errno.ENOENT), (Libc.UnlinkAt(directory, path + "b", 0), Errno.Last));
        }
        finally
        {
            _ = Libc.Close(directory);
        }
    }

    [Fact]
    public void A_failed_call_leaves_its_own_error_whatever_has_to_be_freed_afterwards()
    {
        var tooLong = _directory.At(new string('x', 300));
        Assert.Equal(
            (-1, Errno.ENAMETOOLONG), (Libc.StatxAt(Libc.AtFdCwd, tooLong, 0, StatxBuffer.Basic, out _), Errno.Last));
        Assert.Equal((-1, Errno.ENAMETOOLONG), (Libc.OpenAt(Libc.AtFdCwd, tooLong, OpenFlags.ReadOnly, 0), Errno.Last));
        Assert.Equal((-1, Errno.ENOENT),
            (Libc.RenameAt(Libc.AtFdCwd, _directory.At("no"), Libc.AtFdCwd, _directory.At("to")), Errno.Last));
    }

    [Fact]
    public void Flags_that_differ_between_processors_do_what_they_are_called()
    {
        File.WriteAllText(_directory.At("file"), "");
        File.CreateSymbolicLink(_directory.At("link"), "file");

        Assert.Equal((-1, Errno.ENOTDIR),
            (Libc.Open(_directory.At("file"), OpenFlags.Directory | OpenFlags.CloseOnExec), Errno.Last));
        Assert.Equal((-1, Errno.ELOOP),
            (Libc.Open(_directory.At("link"), OpenFlags.NoFollow | OpenFlags.CloseOnExec), Errno.Last));
    }

    [Fact]
    public void Epoll_gives_back_the_tag_of_each_that_has_something_to_read()
    {
        const long Some = 0x1234_5678_9ABC_DEF0, Other = -5;
        var (epoll, quiet) = (Libc.EpollCreate(OpenFlags.CloseOnExec), Libc.EventFd(0, OpenFlags.CloseOnExec));
        var (some, other) = (Libc.EventFd(1, OpenFlags.CloseOnExec), Libc.EventFd(1, OpenFlags.CloseOnExec));
        try
        {
            Assert.Equal((0, 0, 0), (Libc.EpollWatch(epoll, some, Some), Libc.EpollWatch(epoll, quiet, 7),
                Libc.EpollWatch(epoll, other, Other)));
            Span<long> tags = stackalloc long[8];
            Assert.Equal(2, Libc.EpollTags(epoll, tags, 1000));
            Assert.Equal([Other, Some], tags[..2].ToArray().Order());
            Assert.Equal(0, Libc.EpollForget(epoll, some));
            Assert.Equal(1, Libc.EpollTags(epoll, tags, 1000));
            Assert.Equal((true, false), (Libc.AwaitReadable(other, 1000), Libc.AwaitReadable(quiet, 0)));
        }
        finally
        {
            foreach (var descriptor in new[] { epoll, quiet, some, other })
                _ = Libc.Close(descriptor);
        }
    }

    [Fact]
    public unsafe void A_directory_is_listed_with_names_and_kinds()
    {
        Directory.CreateDirectory(_directory.At("sub"));
        File.WriteAllText(_directory.At("file"), "");
        var directory = Libc.Open(_directory.Path, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.CloseOnExec);
        var (buffer, found) = (new byte[4096], new List<(string, bool)>());
        int length;
        fixed (byte* start = buffer)
            length = (int)Libc.ReadDirectory(directory, start, (nuint)buffer.Length);
        _ = Libc.Close(directory);

        for (var at = 0; at < length; at += BinaryPrimitives.ReadUInt16LittleEndian(
            buffer.AsSpan(at + DirectoryRecord.LengthOffset)))
        {
            var name = buffer.AsSpan(at + DirectoryRecord.NameOffset);
            found.Add((Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]),
                buffer[at + DirectoryRecord.TypeOffset] == DirectoryRecord.Directory));
        }
        Assert.Equal([(".", true), ("..", true), ("file", false), ("sub", true)],
            found.OrderBy(entry => entry.Item1, StringComparer.Ordinal));
    }

    [SkippableFact]
    public void A_link_that_leads_through_a_process_is_not_followed_where_that_is_asked_for()
    {
        var here = Libc.OpenAt2(Libc.AtFdCwd, _directory.Path, OpenFlags.PathOnly | OpenFlags.CloseOnExec,
            Libc.ResolveNoMagicLinks);
        Skip.If(here < 0 && Errno.Last == Errno.ENOSYS, "openat2(2) needs Linux 5.6");
        Assert.True(here >= 0);
        _ = Libc.Close(here);
        Assert.Equal(-1, Libc.OpenAt2(Libc.AtFdCwd, "/proc/self/exe", OpenFlags.PathOnly | OpenFlags.CloseOnExec,
            Libc.ResolveNoMagicLinks));
        Assert.Equal(Errno.ELOOP, Errno.Last);
    }

    [Fact]
    public void The_mount_table_knows_proc() =>
        Assert.Contains(MountTable.Below("/proc"), mount => mount is { MountPoint: "/proc", Type: "proc" });

    [Fact]
    public void Functions_that_are_called_without_the_runtime_are_there() =>
        Assert.All(["read", "write", "setns"], name => Assert.NotEqual(0, Libc.AddressOf(name)));
}

using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Waiting for something to happen: poll, epoll, eventfd, inotify.</content>
internal static unsafe partial class Libc
{
    /// <summary>poll(2), POLLIN.</summary>
    public const int PollIn = 1;

    private const int EpollAdd = 1, EpollDelete = 2;
    private const uint EpollIn = 1;

    // The longest that a struct epoll_event is on any machine.
    private const int EpollEventBytes = 16;

    /// <summary>poll(2).</summary>
    /// <param name="watch">One struct pollfd: descriptor, then events and revents of 16 bits each.</param>
    /// <param name="milliseconds">-1: without end.</param>
    [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(int* watch, nuint count, int milliseconds);

    /// <summary>eventfd(2).</summary>
    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    /// <summary>epoll_create1(2).</summary>
    [LibraryImport(Library, EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int descriptor, byte* happening);

    [LibraryImport(Library, EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, byte* happenings, int count, int milliseconds);

    /// <summary>epoll_ctl(2): watches whether there is something to read, or the other end has been closed.</summary>
    /// <param name="tag">What <see cref="EpollTags"/> answers for it.</param>
    public static int EpollWatch(int epoll, int descriptor, long tag)
    {
        var happening = stackalloc byte[EpollEventBytes];
        *(uint*)happening = EpollIn;
        *(long*)(happening + ByArchitecture.EpollDataOffset) = tag;
        return EpollControl(epoll, EpollAdd, descriptor, happening);
    }

    /// <summary>epoll_ctl(2).</summary>
    public static int EpollForget(int epoll, int descriptor) => EpollControl(epoll, EpollDelete, descriptor, null);

    /// <summary>epoll_wait(2): waits for happenings and returns their tags' number; -1 with errno set.</summary>
    /// <param name="milliseconds">-1: without end.</param>
    public static int EpollTags(int epoll, Span<long> tags, int milliseconds)
    {
        var buffer = stackalloc byte[EpollEventBytes * tags.Length];
        var (offset, size) = (ByArchitecture.EpollDataOffset, ByArchitecture.EpollDataOffset + sizeof(long));
        var count = EpollWait(epoll, buffer, tags.Length, milliseconds);
        for (var i = 0; i < count; i++)
            tags[i] = *(long*)(buffer + (i * size) + offset);
        return count;
    }

    /// <summary>inotify_init1(2).</summary>
    [LibraryImport(Library, EntryPoint = "inotify_init1", SetLastError = true)]
    public static partial int InotifyInit(int flags);

    /// <summary>inotify_add_watch(2) with <see cref="InotifyMask"/>.</summary>
    [LibraryImport(Library, EntryPoint = "inotify_add_watch", SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8)]
    public static partial int InotifyAdd(int inotify, string path, uint mask);
}

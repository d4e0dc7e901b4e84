using System.Text;
using NativeLink.Actors.Posix;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// Standard output and error as they were handed over. One that was closed has a number that the
/// next file to be opened gets, so that what is printed would land in that file: it is found out
/// before anything is printed, and stays silent.
/// </summary>
internal static class StandardStreams
{
    private const int Error = 2;
    private const int Out = 1;

    private static bool _outIsOpen = true;

    /// <summary>Before anything is printed. Trouble with stderr is nobody's to hear of, and ends nothing.</summary>
    public static void Secure()
    {
        // What the runtime has opened by itself goes at an exec; what was handed over has just survived one.
        _outIsOpen = IsHandedOver(Out);
        var errorIsOpen = IsHandedOver(Error);
        FillGaps();
        if (!_outIsOpen)
            Console.SetOut(TextWriter.Null);
        Console.SetError(errorIsOpen
            ? new StreamWriter(new ForgivingStream(Console.OpenStandardError()),
                new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
            { AutoFlush = true }
            : TextWriter.Null);
        ErrorIsOpen = errorIsOpen;
    }

    /// <summary>For bytes as they are; nothing when it was closed.</summary>
    public static Stream OpenOut() => _outIsOpen ? Console.OpenStandardOutput() : Stream.Null;

    /// <inheritdoc cref="OpenOut"/>
    public static Stream OpenError() => ErrorIsOpen ? Console.OpenStandardError() : Stream.Null;

    private static bool ErrorIsOpen { get; set; } = true;

    private static bool IsHandedOver(int descriptor) =>
        Libc.Fcntl(descriptor, FcntlCommand.GetDescriptorFlags, 0) is >= 0 and var flags
            && (flags & FcntlCommand.CloseOnExec) == 0;

    /// <summary>So that no file that is opened later gets one of the three numbers.</summary>
    private static void FillGaps()
    {
        int descriptor;
        do
            descriptor = Libc.Open("/dev/null", OpenFlags.ReadWrite);
        while (descriptor is >= 0 and <= Error);
        if (descriptor >= 0)
            _ = Libc.Close(descriptor);
    }

    /// <summary>Drops what cannot be written.</summary>
    private sealed class ForgivingStream(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            try
            {
                inner.Write(buffer, offset, count);
            }
            catch (IOException)
            {
                // There is no other place to say it.
            }
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}

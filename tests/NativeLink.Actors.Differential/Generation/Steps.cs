using System.Globalization;
using System.Text;
using NativeLink.Actors.Differential.Model;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>
/// A shell script and, step by step, what it does to a
/// model of the disk. Paths are relative to the input root.
/// </summary>
internal sealed class Steps(Disk disk)
{
    private const uint NewFile = 0x1A4;
    private const uint NewDirectory = 0x1ED;

    private readonly StringBuilder _script = new();
    private readonly List<byte> _stdout = [];
    private readonly List<byte> _stderr = [];

    public Disk Disk => disk;

    public string Script => _script.ToString();

    public byte[] Stdout => [.. _stdout];

    public byte[] Stderr => [.. _stderr];

    public void Line(string text) => _script.Append(text).Append('\n');

    public void Write(string path, string text)
    {
        Line($"printf %s {Quote(text)} > {At(path)}");
        disk.Set(path, new FileItem(Encoding.UTF8.GetBytes(text), NewFile, own: true));
    }

    public void WriteBig(string path, int bytes, char letter)
    {
        Line($"head -c {bytes.ToString(CultureInfo.InvariantCulture)} /dev/zero | tr '\\0' {letter} > {At(path)}");
        disk.Set(path, new FileItem(Enumerable.Repeat((byte)letter, bytes).ToArray(), NewFile, own: true));
    }

    public void CopyFile(string from, FileItem file, string to)
    {
        Line($"cat {At(from)} > {At(to)}");
        disk.Set(to, new FileItem(file.Content, NewFile, own: true));
    }

    /// <summary>The shell opens with O_APPEND; the file is the action's own.</summary>
    public void Append(string path, FileItem file, string text)
    {
        Line($"chmod 600 {At(path)}; printf %s {Quote(text)} >> {At(path)}; chmod {Octal(file.Mode)} {At(path)}");
        disk.Set(path, new FileItem([.. file.Content, .. Encoding.UTF8.GetBytes(text)], file.Mode, own: true));
    }

    public void ChangeMode(string path, FileItem file, uint mode)
    {
        Line($"chmod {Octal(mode)} {At(path)}");
        file.Mode = mode;
    }

    public void MakeDirectory(string path)
    {
        Line($"mkdir {At(path)}");
        disk.Set(path, new DirectoryItem(NewDirectory));
    }

    public void MakeLink(string path, string target)
    {
        Line($"ln -s -- {Quote(target)} {At(path)}");
        disk.Set(path, new LinkItem(target));
    }

    /// <summary>An absolute link to something in the input root.</summary>
    public void MakeRootedLink(string path, string target)
    {
        Line($"ln -s \"$PWD\"/{Quote(target)} {At(path)}");
        disk.Set(path, new LinkItem(target, rooted: true));
    }

    public void MakePipe(string path)
    {
        Line($"mkfifo {At(path)}");
        disk.Set(path, new PipeItem());
    }

    public void Remove(string path)
    {
        Line($"rm -rf {At(path)}");
        disk.Remove(path);
    }

    public void Move(string from, string to)
    {
        Line($"mv -T {At(from)} {At(to)}");
        var node = disk.Get(from)!;
        disk.Remove(from);
        disk.Set(to, node);
    }

    public void Print(string text, bool error)
    {
        Line($"printf %s {Quote(text)}{(error ? " >&2" : "")}");
        (error ? _stderr : _stdout).AddRange(Encoding.UTF8.GetBytes(text));
    }

    public void PrintBig(int bytes, char letter)
    {
        Line($"head -c {bytes.ToString(CultureInfo.InvariantCulture)} /dev/zero | tr '\\0' {letter}");
        _stdout.AddRange(Enumerable.Repeat((byte)letter, bytes));
    }

    public void PrintFile(string path, FileItem file)
    {
        Line($"cat {At(path)}");
        _stdout.AddRange(file.Content);
    }

    /// <summary>Prints every name below the root, what it is, its mode and its target.</summary>
    public void List()
    {
        Line(Listing.Command);
        _stdout.AddRange(Listing.Of(disk.Root));
    }

    public static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string At(string path) => Quote("./" + path);

    private static string Octal(uint mode) => Convert.ToString(mode, 8);
}

using System.Text;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>The directory that each program is run in.</summary>
internal static class Inputs
{
    /// <summary>Gives all that is there the time of change that inputs have, links too.</summary>
    public const string SetTimes = "find . -depth -exec touch -h -d @946684800 {} +";

    public static readonly IReadOnlyList<(string Path, string Content, bool Executable)> Files =
    [
        ("hello.txt", "hello\n", false),
        ("same.txt", "hello\n", false),
        ("empty", "", false),
        ("lines.txt", string.Concat(Enumerable.Range(1, 200).Select(i => $"line {i} of the file\n")), false),
        ("run.sh", "#!/bin/sh\necho run \"$@\"\n", true),
        ("d/inner.txt", "inner\n", false),
        ("d/e/deep.txt", "deep\n", false),
        ("moved/one", "one\n", false),
        ("moved/two", "two\n", false),
        ("c/main.c",
            "#include <stdio.h>\n#include \"util.h\"\n#include \"twin.h\"\nint main(void) { printf(\"%d %d\\n\", " +
            "util(20), TWIN); return 0; }\n", false),
        ("c/util.c", "#include \"util.h\"\nint util(int n) { return 2 * n + 2; }\n", false),
        ("c/util.h", "#pragma once\nint util(int n);\n", false),
        ("c/a/part.h", "#pragma once\n#define PART\n", false),
        ("c/b/part.h", "#pragma once\n#define PART\n", false),
        ("c/twin.h", "#include \"a/part.h\"\n#include \"b/part.h\"\n#define TWIN 7\n", false),
        ("c/Makefile",
            "main: main.o util.o\n\t$(CC) -o main main.o util.o\nmain.o: main.c util.h\nutil.o: " +
            "util.c util.h\ncopy: ../hello.txt\n\tcp ../hello.txt copy\n", false),
        ("c/build.ninja", "rule cat\n  command = cat $in > $out\nbuild all.txt: cat ../hello.txt ../lines.txt\n",
            false),
        ("py/mod.py", "VALUE = 42\ndef twice(n):\n    return 2 * n\n", false),
        ("py/main.py", "import mod\nprint(mod.VALUE, mod.twice(4))\n", false),
    ];

    public static readonly IReadOnlyList<(string Path, string Target)> Links = [("link", "hello.txt"),
        ("d/up", "../hello.txt"), ("dangling", "nowhere")];

    /// <param name="asActionsHaveThem">Read-only, as an action's inputs are on purpose; else as a
    /// person's would be.</param>
    public static void WriteTo(string directory, bool asActionsHaveThem)
    {
        foreach (var (path, content, executable) in Files)
        {
            var full = Path.Combine(directory, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllText(full, content);
            File.SetUnixFileMode(
                full, (UnixFileMode)((executable ? 0x1ED : 0x1A4) & (asActionsHaveThem ? 0x16D : 0x1FF)));
        }

        foreach (var (path, target) in Links) File.CreateSymbolicLink(Path.Combine(directory, path), target);
    }

    /// <summary>The same as a message, with what it is made of given to <paramref name="put"/>.</summary>
    public static Reapi.Directory ToMessage(Func<byte[], Digest> put, Func<Reapi.Directory, Digest> putDirectory) =>
        ToMessage("", put, putDirectory);

    private static Reapi.Directory ToMessage(
        string prefix, Func<byte[], Digest> put, Func<Reapi.Directory, Digest> putDirectory)
    {
        var message = new Reapi.Directory();
        foreach (var (path, content, executable) in Files.Where(file => IsIn(prefix, file.Path))
            .OrderBy(static file => file.Path, StringComparer.Ordinal))
        {
            var digest = put(Encoding.UTF8.GetBytes(content)).ToWire();
            message.Files.Add(new Reapi.FileNode
            {
                Name = path[prefix.Length..],
                Digest = digest,
                IsExecutable = executable,
            });
        }

        foreach (var (path, target) in Links.Where(link => IsIn(prefix, link.Path))
            .OrderBy(static link => link.Path, StringComparer.Ordinal))
            message.Symlinks.Add(new Reapi.SymlinkNode { Name = path[prefix.Length..], Target = target });
        var below = Files.Select(static file => file.Path)
            .Where(path => path.StartsWith(prefix, StringComparison.Ordinal) && !IsIn(prefix, path));
        foreach (var name in below.Select(path => path[prefix.Length..].Split('/')[0]).Distinct()
            .Order(StringComparer.Ordinal))
            message.Directories.Add(new Reapi.DirectoryNode
            {
                Name = name,
                Digest = putDirectory(ToMessage($"{prefix}{name}/", put, putDirectory)).ToWire(),
            });
        return message;
    }

    private static bool IsIn(string prefix, string path) =>
        path.StartsWith(prefix, StringComparison.Ordinal) && path.IndexOf('/', prefix.Length) < 0;
}

using System.Xml.Linq;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Every C# file that we wrote, relative to the root.</summary>
    public static IReadOnlyList<string> SourceFiles { get; } =
    [
        .. new[] { "src", "tests" }
            .SelectMany(top => Directory.EnumerateFiles(Path.Combine(Root, top), "*.cs", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(Root, path))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The rooms that a room's project file references, without the common prefix.</summary>
    public static IReadOnlySet<string> ReferencedRooms(string room)
    {
        var file = Path.Combine(Root, "src", $"NativeLink.Actors.{room}", $"NativeLink.Actors.{room}.csproj");
        return XDocument.Load(file).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)
                .Replace("NativeLink.Actors.", "", StringComparison.Ordinal))
            .ToHashSet();
    }

    /// <summary>The packages that a room's project file references.</summary>
    public static IReadOnlySet<string> Packages(string room)
    {
        var file = Path.Combine(Root, "src", $"NativeLink.Actors.{room}", $"NativeLink.Actors.{room}.csproj");
        return XDocument.Load(file).Descendants("PackageReference")
            .Select(reference => reference.Attribute("Include")!.Value).ToHashSet();
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null;
            directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "NativeLink.Actors.sln")))
                return directory.FullName;
        throw new InvalidOperationException(
            $"NativeLink.Actors.sln is in no directory above {AppContext.BaseDirectory}");
    }
}

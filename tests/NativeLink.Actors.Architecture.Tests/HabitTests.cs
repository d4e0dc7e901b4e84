using System.Reflection;
using System.Text.RegularExpressions;
using NetArchTest.Rules;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>Habits of the house that a machine can check.</summary>
public sealed partial class HabitTests
{
    private const int MaxLines = 400;
    private const int MaxColumns = 120;
    private const string Worker = "NativeLink.Actors.Worker";

    private static readonly Type[] Actors =
    [
        .. new[] { "Worker", "LocalCluster" }.SelectMany(room => RoomTests.Load(room).GetTypes())
            .Where(type => type is { IsClass: true, IsAbstract: false } && IsActor(type)),
    ];

    [Fact]
    public void No_file_is_longer_than_two_things()
    {
        Assert.NotEmpty(Repository.SourceFiles);
        var tooLong = Repository.SourceFiles
            .Select(path => (path, lines: File.ReadLines(Path.Combine(Repository.Root, path)).Count()))
            .Where(file => file.lines > MaxLines);

        Assert.Empty(tooLong);
    }

    [Fact]
    public void No_line_is_longer_than_a_window()
    {
        var tooLong = Repository.SourceFiles.SelectMany(static path => TooLong(path)).ToList();
        Assert.Empty(tooLong);
    }

    [Fact]
    public void Actors_are_sealed_named_by_their_role_and_made_through_CreateProps()
    {
        Assert.NotEmpty(Actors);
        Assert.DoesNotContain(Actors, actor => !actor.IsSealed || actor.Name.EndsWith("Actor", StringComparison.Ordinal)
            || !HasCreateProps(actor));
    }

    [Fact]
    public void Actors_leave_the_disk_to_those_who_own_it()
    {
        var writing = OnDisk().ToList();
        Assert.True(writing.Count > 5, "nothing in the room was seen to use the disk");
        Assert.DoesNotContain(Actors, actor => writing.Contains(actor.FullName!));
    }

    [Fact]
    public void What_works_for_actors_reaches_the_disk_through_ports_alone()
    {
        string[] folders = ["Inputs", "Outputs", "Operations"];
        // Each stands behind a port: IOutputParents, IOutputFiles, and IActionDirectory for the rest.
        string[] disk =
        [
            "Inputs.OutputParents", "Outputs.NativeFiles",
            "Operations.ActionDirectories", "Operations.RunFindings", "Operations.ScriptOutputs",
            "Operations.SideChannel",
        ];
        var found = OnDisk()
            .Where(name => folders.Any(folder => name.StartsWith($"{Worker}.{folder}.", StringComparison.Ordinal)))
            .Select(name => name[(Worker.Length + 1)..].Split('/', '+')[0])
            .Distinct()
            .ToList();

        Assert.Equal(disk.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Who_composes_a_worker_alone_makes_what_is_on_disk()
    {
        string[] known = ["WorkerServices", "WorkerHostOptions", "Stores.StoreCasClient", "Stores.StoreCopy"];
        string[] concrete =
            ["NativeLink.Actors.Storage.Filesystem.ContentStore", $"{Worker}.Outputs.NativeFiles",
                $"{Worker}.Inputs.OutputParents"];
        var naming = Types.InAssembly(RoomTests.Load("Worker")).That().HaveDependencyOnAny(concrete).GetTypes()
            .Select(type => type.FullName![(Worker.Length + 1)..].Split('/', '+')[0])
            .Distinct()
            .Except(["Outputs.NativeFiles", "Inputs.OutputParents"]);

        Assert.Equal(known.Order(StringComparer.Ordinal), naming.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Messages_are_immutable()
    {
        var messages = new[] { "Worker", "LocalCluster" }.SelectMany(room => RoomTests.Load(room).GetTypes())
            .Where(type => type.Name.EndsWith("Protocol", StringComparison.Ordinal)
                && type is { IsAbstract: true, IsSealed: true })
            .SelectMany(type => type.GetNestedTypes())
            .ToList();

        Assert.NotEmpty(messages);
        Assert.DoesNotContain(messages, message => message.GetProperties().Any(IsSettable));
    }

    /// <summary>Types of the worker's room that name the disk.</summary>
    private static IEnumerable<string> OnDisk() => Types.InAssembly(RoomTests.Load("Worker"))
        .That().HaveDependencyOnAny(
            "System.IO.File", "System.IO.FileInfo", "System.IO.Directory", "System.IO.DirectoryInfo",
            "System.IO.FileStream", "System.IO.RandomAccess",
            "NativeLink.Actors.Posix.Libc", "NativeLink.Actors.Storage.Filesystem.ContentStore")
        .GetTypes().Select(type => type.FullName!);

    private static bool IsActor(Type type)
    {
        for (var parent = type.BaseType; parent is not null; parent = parent.BaseType)
            if (parent.FullName == "Akka.Actor.ActorBase")
                return true;
        return false;
    }

    private static bool HasCreateProps(Type actor) =>
        actor.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Any(method => method.Name == "CreateProps");

    private static bool IsSettable(PropertyInfo property) =>
        property.SetMethod is { IsPublic: true } setter
        && !setter.ReturnParameter.GetRequiredCustomModifiers().Any(modifier => modifier.Name == "IsExternalInit");

    /// <summary>
    /// Text in raw string literals is as long as what reads it wants, and a literal of one word cannot be broken.
    /// </summary>
    private static IEnumerable<string> TooLong(string path)
    {
        var (number, inText) = (0, false);
        foreach (var line in File.ReadLines(Path.Combine(Repository.Root, path)))
        {
            number++;
            var quotes = line.Split("\"\"\"").Length - 1;
            var isText = inText || quotes > 0;
            inText ^= quotes % 2 != 0;
            if (line.Length > MaxColumns && !isText && !OneWord().IsMatch(line))
                yield return $"{path}:{number} has {line.Length} columns";
        }
    }

    [GeneratedRegex(@"^\s*(?:\+ )?""[^"" ]*"";?\)?;?$")]
    private static partial Regex OneWord();
}

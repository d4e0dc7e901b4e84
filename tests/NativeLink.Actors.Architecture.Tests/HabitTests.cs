using System.Reflection;
using NetArchTest.Rules;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>Habits of the house that a machine can check.</summary>
public sealed class HabitTests
{
    private const int MaxLines = 400;

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
    public void Actors_are_sealed_named_by_their_role_and_made_through_CreateProps()
    {
        Assert.NotEmpty(Actors);
        Assert.DoesNotContain(Actors, actor => !actor.IsSealed || actor.Name.EndsWith("Actor", StringComparison.Ordinal) || !HasCreateProps(actor));
    }

    [Fact]
    public void Actors_leave_the_disk_to_those_who_own_it()
    {
        string[] disk = ["System.IO.File", "System.IO.FileInfo", "System.IO.Directory", "System.IO.DirectoryInfo", "System.IO.FileStream", "System.IO.RandomAccess"];
        var writing = Types.InAssembly(RoomTests.Load("Worker")).That().HaveDependencyOnAny(disk).GetTypes().Select(type => type.FullName).ToList();
        Assert.True(writing.Count > 5, "nothing in the room was seen to use the disk");
        Assert.DoesNotContain(Actors, actor => writing.Contains(actor.FullName));
    }

    [Fact]
    public void Messages_are_immutable()
    {
        var messages = new[] { "Worker", "LocalCluster" }.SelectMany(room => RoomTests.Load(room).GetTypes())
            .Where(type => type.Name.EndsWith("Protocol", StringComparison.Ordinal) && type is { IsAbstract: true, IsSealed: true })
            .SelectMany(type => type.GetNestedTypes())
            .ToList();

        Assert.NotEmpty(messages);
        Assert.DoesNotContain(messages, message => message.GetProperties().Any(IsSettable));
    }

    private static bool IsActor(Type type)
    {
        for (var parent = type.BaseType; parent is not null; parent = parent.BaseType)
            if (parent.FullName == "Akka.Actor.ActorBase")
                return true;
        return false;
    }

    private static bool HasCreateProps(Type actor) =>
        actor.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).Any(method => method.Name == "CreateProps");

    private static bool IsSettable(PropertyInfo property) =>
        property.SetMethod is { IsPublic: true } setter
        && !setter.ReturnParameter.GetRequiredCustomModifiers().Any(modifier => modifier.Name == "IsExternalInit");
}

using System.Reflection;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>The upper picture of <c>src/README.md</c>: which project may reference which.</summary>
public sealed class RoomTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Protocol"] = [],
        ["Configuration"] = [],
        ["Posix"] = ["Protocol"],
        ["Storage"] = ["Posix", "Protocol"],
        ["Cas"] = ["Posix", "Protocol"],
        ["Worker"] = ["Storage", "Cas", "Posix", "Protocol"],
        ["LocalCluster"] = ["Storage", "Cas", "Posix", "Protocol"],
        ["Cli"] = ["Configuration", "Worker", "LocalCluster", "Storage", "Cas", "Posix", "Protocol"],
    };

    public static TheoryData<string> Rooms => [.. Allowed.Keys];

    [Fact]
    public void The_picture_names_every_project_of_src()
    {
        var projects = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src"), "NativeLink.Actors.*")
            .Select(path => Path.GetFileName(path).Replace("NativeLink.Actors.", "", StringComparison.Ordinal));

        Assert.Equal(Allowed.Keys.Order(), projects.Order());
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_project_file_references_only_the_rooms_below_it(string room) =>
        Assert.Empty(Repository.ReferencedRooms(room).Except(Allowed[room]));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_compiled_room_uses_only_the_rooms_below_it(string room)
    {
        var used = Load(room).GetReferencedAssemblies().Select(name => name.Name!)
            .Where(name => name.StartsWith("NativeLink.Actors.", StringComparison.Ordinal))
            .Select(name => name.Replace("NativeLink.Actors.", "", StringComparison.Ordinal));

        Assert.Empty(used.Except(Allowed[room]));
        Assert.NotEmpty(Load(room).GetTypes());
    }

    [Fact]
    public void The_command_line_uses_every_room() =>
        Assert.Equal(Allowed["Cli"].Order(), Repository.ReferencedRooms("Cli").Order());

    [Theory]
    [InlineData("Storage")]
    [InlineData("Cas")]
    [InlineData("Posix")]
    [InlineData("Protocol")]
    [InlineData("Configuration")]
    public void The_lower_rooms_know_nothing_of_actors(string room)
    {
        Assert.DoesNotContain(Repository.Packages(room),
            package => package.StartsWith("Akka", StringComparison.Ordinal));
        Assert.DoesNotContain(Load(room).GetReferencedAssemblies(),
            name => name.Name!.StartsWith("Akka", StringComparison.Ordinal));
    }

    [Fact]
    public void Actors_are_where_these_tests_would_see_them() =>
        Assert.Contains(Load("Worker").GetReferencedAssemblies(), name => name.Name == "Akka");

    internal static Assembly Load(string room) =>
        Assembly.Load(room == "Cli" ? "nativelink-actors" : $"NativeLink.Actors.{room}");
}

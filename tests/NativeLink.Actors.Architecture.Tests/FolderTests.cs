using System.Reflection;
using NetArchTest.Rules;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>
/// The lower pictures of <c>src/README.md</c>: inside a room a folder uses only the folders on
/// levels below its own, siblings never.
/// </summary>
public sealed class FolderTests
{
    private static readonly Room[] Rooms =
    [
        new("Worker", "",
            [["Connection"], ["Operations"], ["Inputs", "Processes", "Outputs"], ["Stores", "Transfers"],
                ["Supervision", "Telemetry", "Threads"]],
            Composers: ["WorkerHost", "WorkerPool", "WorkerHosting"]),
        new("LocalCluster", "",
            [["Hosting"], ["Services"], ["Results"], ["BlobAccess", "Scheduling"], ["Requests", "Connections"]],
            Composers: ["LocalClusterHost"]),
        new("Storage", "",
            [["WorkDirectories"], ["Materialisers"], ["DirectoryCache"], ["Trees"], ["Filesystem"], ["Hashing"]],
            Composers: []),
        new("Storage", ".Filesystem",
            [["Eviction", "Verification"], ["Leases"], ["Index", "Layout"]],
            Composers: ["ContentStore", "BlobLinks", "BlobWriter", "StoreSampling"]),
    ];

    public static TheoryData<string, string> Folders
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var room in Rooms)
            {
                foreach (var folder in room.Levels.SelectMany(level => level))
                    data.Add(room.Name + room.Part, folder);
            }
            return data;
        }
    }

    public static TheoryData<string> Names => [.. Rooms.Select(room => room.Name + room.Part)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_what_lies_below_it(string room, string folder) =>
        Assert.Empty(Find(room).Wrong(folder, Find(room).NotBelow(folder)));

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_knows_no_one_who_composes_it(string room, string folder) =>
        Assert.Empty(Find(room).Wrong(folder, Find(room).Composers));

    [Theory]
    [MemberData(nameof(Folders))]
    public void No_folder_of_the_picture_is_empty(string room, string folder) =>
        Assert.True(Arrows.Count(Find(room).Assembly, $"{Find(room).Namespace}.{folder}") > 0);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_picture_names_every_folder(string room) =>
        Assert.Empty(Find(room).FoldersFound.Except(Find(room).Levels.SelectMany(level => level)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Whoever_composes_a_room_is_there(string room) =>
        Assert.DoesNotContain(
            Find(room).Composers, name => Find(room).Assembly.GetType($"{Find(room).Namespace}.{name}") is null);

    [Fact]
    public void Only_a_protocol_s_own_folder_knows_how_a_scheduler_is_spoken_with()
    {
        const string Protocol = "NativeLink.Actors.Worker.Connection.WorkerApi";
        var others = Types.InAssembly(RoomTests.Load("Worker")).That().DoNotResideInNamespaceStartingWith(Protocol);

        Assert.True(Arrows.Count(RoomTests.Load("Worker"), Protocol) > 0);
        Assert.Empty(others.ShouldNot().HaveDependencyOn(Protocol).GetResult().FailingTypeNames ?? []);
    }

    [Fact]
    public void A_wrong_arrow_would_be_found()
    {
        const string Fixture = "NativeLink.Actors.Architecture.Tests.Fixture";

        Assert.Equal([$"{Fixture}.Lower.LooksUp"], Arrows.Wrong(
            typeof(FolderTests).Assembly, $"{Fixture}.Lower", $"{Fixture}.Upper"));
        Assert.Empty(Arrows.Wrong(typeof(FolderTests).Assembly, $"{Fixture}.Upper", $"{Fixture}.Lower"));
    }

    private static Room Find(string name) => Rooms.Single(room => room.Name + room.Part == name);

    /// <param name="Part">The part of the room, as its namespace goes on; empty is all of it.</param>
    /// <param name="Levels">Its folders, the highest level first.</param>
    /// <param name="Composers">Types at its top that put the folders together, and that these must not know.</param>
    private sealed record Room(string Name, string Part, string[][] Levels, string[] Composers)
    {
        public string Namespace => $"NativeLink.Actors.{Name}{Part}";

        public Assembly Assembly => RoomTests.Load(Name);

        public IEnumerable<string> FoldersFound => Assembly.GetTypes().Select(type => type.Namespace).OfType<string>()
            .Where(name => name.StartsWith(Namespace + ".", StringComparison.Ordinal))
            .Select(name => name[(Namespace.Length + 1)..].Split('.')[0])
            .Distinct();

        /// <summary>Siblings and everything higher.</summary>
        public IEnumerable<string> NotBelow(string folder)
        {
            var level = Array.FindIndex(Levels, names => names.Contains(folder));
            return Levels.Take(level + 1).SelectMany(names => names).Where(name => name != folder);
        }

        public IReadOnlyList<string> Wrong(string folder, IEnumerable<string> others) =>
            Arrows.Wrong(Assembly, $"{Namespace}.{folder}", [.. others.Select(other => $"{Namespace}.{other}")]);
    }
}

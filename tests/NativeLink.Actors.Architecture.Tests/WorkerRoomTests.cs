using System.Reflection;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>The lower picture: <c>Connection ─► Operations ─► { Inputs | Processes | Outputs } ─► { Stores | Transfers } ─► { Telemetry | Threads }</c>, siblings never.</summary>
public sealed class WorkerRoomTests
{
    private const string Worker = "NativeLink.Actors.Worker";

    private static readonly string[][] Levels = [["Connection"], ["Operations"], ["Inputs", "Processes", "Outputs"], ["Stores", "Transfers"], ["Telemetry", "Threads"]];

    private static readonly Assembly Assembly = RoomTests.Load("Worker");

    public static TheoryData<string> Folders => [.. Levels.SelectMany(level => level)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_what_lies_below_it(string folder) =>
        Assert.Empty(Arrows.Wrong(Assembly, $"{Worker}.{folder}", [.. Above(folder).Select(other => $"{Worker}.{other}")]));

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_knows_no_one_who_composes_it(string folder)
    {
        string[] composers = ["WorkerHost", "WorkerPool", "WorkerHosting"];
        Assert.Empty(Arrows.Wrong(Assembly, $"{Worker}.{folder}", [.. composers.Select(name => $"{Worker}.{name}")]));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void No_folder_of_the_picture_is_empty(string folder) => Assert.True(Arrows.Count(Assembly, $"{Worker}.{folder}") > 0);

    [Fact]
    public void The_picture_names_every_folder()
    {
        var folders = Assembly.GetTypes().Select(type => type.Namespace).OfType<string>()
            .Where(name => name.StartsWith(Worker + ".", StringComparison.Ordinal))
            .Select(name => name[(Worker.Length + 1)..].Split('.')[0])
            .Distinct();

        Assert.Empty(folders.Except(Levels.SelectMany(level => level)));
    }

    [Fact]
    public void A_wrong_arrow_would_be_found()
    {
        const string fixture = "NativeLink.Actors.Architecture.Tests.Fixture";

        Assert.Equal([$"{fixture}.Lower.LooksUp"], Arrows.Wrong(typeof(WorkerRoomTests).Assembly, $"{fixture}.Lower", $"{fixture}.Upper"));
        Assert.Empty(Arrows.Wrong(typeof(WorkerRoomTests).Assembly, $"{fixture}.Upper", $"{fixture}.Lower"));
    }

    /// <summary>Siblings and everything higher.</summary>
    private static IEnumerable<string> Above(string folder)
    {
        var level = Array.FindIndex(Levels, names => names.Contains(folder));
        return Levels.Take(level + 1).SelectMany(names => names).Where(name => name != folder);
    }
}

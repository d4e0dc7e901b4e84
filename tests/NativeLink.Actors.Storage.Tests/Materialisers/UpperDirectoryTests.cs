using NativeLink.Actors.Storage.Materialisers;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>Where the upper layers of overlays go.</summary>
public class UpperDirectoryTests
{
    private const string Memory = "/scratch/memory/";
    private const string Disk = "/scratch/disk/";

    [SkippableFact]
    public async Task Upper_layers_are_in_memory_within_the_budget_and_on_disk_without_one()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay");
        using var withoutMemory = new RootsFixture("overlay",
            static settings => settings with { ScratchMemoryBytes = 0 });
        using (var made = await fixture.MakeAsync(fixture.Tree.Dir(("a", "a"))))
            Assert.Contains(Memory, MountOf(made), StringComparison.Ordinal);
        using (var made = await withoutMemory.MakeAsync(withoutMemory.Tree.Dir(("a", "a"))))
            Assert.Contains(Disk, MountOf(made), StringComparison.Ordinal);
        Assert.Contains("to disk, as configured", withoutMemory.Roots.Description, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_machine_with_little_memory_gives_none_of_it()
    {
        RootsFixture.Needs("overlay");
        using var small = new RootsFixture("overlay",
            static settings => settings with { MachineMemory = 2L << 30, ScratchMemoryBytes = null });
        using var asked = new RootsFixture("overlay",
            static settings => settings with { MachineMemory = 2L << 30, ScratchMemoryBytes = 1 << 20 });
        using (var made = await small.MakeAsync(small.Tree.Dir(("a", "a"))))
            Assert.Contains(Disk, MountOf(made), StringComparison.Ordinal);
        using (var made = await asked.MakeAsync(asked.Tree.Dir(("a", "a"))))
            Assert.Contains(Memory, MountOf(made), StringComparison.Ordinal);
        Assert.Contains("2048 MiB of memory are too few", small.Roots.Description, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_running_action_may_write_more_than_was_foreseen_while_the_machine_has_memory_left()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay",
            static settings => settings with { ScratchMemoryStart = 64 << 20 });
        using var made = await fixture.MakeAsync(fixture.Tree.Dir(("a", "a")));
        Assert.Equal((0, ""), Shell.Run(
            "for i in $(seq 40); do head -c 8000000 /dev/zero > big$i || exit 1; sleep 0.01; done", made.Path));
        Assert.Null(made.OutOfSpaceReason);
    }

    [SkippableFact]
    public async Task Where_the_machine_has_no_memory_left_the_tmpfs_does_not_grow()
    {
        RootsFixture.Needs("overlay");
        var left = long.MaxValue / 2;
        using var fixture = new RootsFixture("overlay",
            settings => settings with { ScratchMemoryStart = 16 << 20, AvailableMemory = () => left });
        using var made = await fixture.MakeAsync(fixture.Tree.Dir(("a", "a")));
        left = 1 << 20;
        Assert.NotEqual(
            0, Shell.Run("for i in $(seq 40); do head -c 1000000 /dev/zero > big$i || exit 1; sleep 0.01; done",
                made.Path).ExitCode);
        Assert.NotNull(made.OutOfSpaceReason);
    }

    [SkippableFact]
    public async Task A_directory_that_is_reached_through_a_link_keeps_no_mount()
    {
        RootsFixture.Needs("overlay");
        using var temp = new TempDirectory();
        Directory.CreateDirectory(temp.At("real"));
        File.CreateSymbolicLink(temp.At("link"), temp.At("real"));
        using (var fixture = new RootsFixture("overlay",
            settings => settings with { UpperDirectoryRoot = temp.At("link", "scratch") }))
        {
            using var made = await fixture.MakeAsync(fixture.Tree.Dir(("a", "a")));
            Assert.Equal("overlay", made.Materialiser);
        }
        Assert.DoesNotContain(temp.At("real"), await File.ReadAllTextAsync("/proc/self/mountinfo"),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_short_filling_of_the_memory_is_seen()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay",
            static settings => settings with { ScratchMemoryLimit = 64 << 20 });
        var root = fixture.Tree.Dir(("a", "a"));
        using var made = await fixture.MakeAsync(root);
        Assert.NotEqual(
            0, Shell.Run("head -c 90000000 /dev/zero > big || { sleep 0.02; rm big; exit 1; }", made.Path).ExitCode);
        Assert.NotNull(made.OutOfSpaceReason);
    }

    [SkippableFact]
    public async Task When_the_budget_is_used_up_further_actions_write_to_disk()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay",
            static settings => settings with { ScratchMemoryBytes = 1 << 20 });
        var root = fixture.Tree.Dir(("a", "a"));
        using (var greedy = await fixture.MakeAsync(root))
        {
            // More than the budget, which this one may: it was there first.
            Assert.Equal(0, Shell.Run("head -c 3000000 /dev/zero > big", greedy.Path).ExitCode);
            Assert.Null(greedy.OutOfSpaceReason);
            using var next = await fixture.MakeAsync(root);
            Assert.Contains(Disk, MountOf(next), StringComparison.Ordinal);
            Assert.Equal(0, Shell.Run("head -c 3000000 /dev/zero > big", next.Path).ExitCode);
        }
        await fixture.Roots.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        using var later = await fixture.MakeAsync(root);
        Assert.Contains(Memory, MountOf(later), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task When_the_machine_runs_out_of_memory_actions_write_to_disk()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay",
            static settings => settings with { AvailableMemory = static () => 1 << 20 });
        using var made = await fixture.MakeAsync(fixture.Tree.Dir(("a", "a")));
        Assert.Contains(Disk, MountOf(made), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("head -c 2000000 /dev/zero > big")]
    [InlineData("head -c 2000000 /dev/zero > big || { sleep 0.6; rm big; exit 1; }")]
    public async Task An_action_that_fills_the_memory_is_told_why_and_gets_the_disk_next_time(string script)
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay",
            static settings => settings with { ScratchMemoryLimit = 1 << 20 });
        var root = fixture.Tree.Dir(("a", "a"));
        using (var made = await fixture.MakeAsync(root))
        {
            Assert.Contains("No space left", Shell.Run(script, made.Path).Output, StringComparison.Ordinal);
            Assert.Contains("--scratch-memory", made.OutOfSpaceReason!, StringComparison.Ordinal);
        }
        Assert.Contains("the memory for what actions write was full", Assert.Single(fixture.Warnings),
            StringComparison.Ordinal);
        await fixture.Roots.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        using var again = await fixture.MakeAsync(root);
        Assert.Contains(Disk, MountOf(again), StringComparison.Ordinal);
        Assert.Equal(0, Shell.Run(script, again.Path).ExitCode);
        Assert.Null(again.OutOfSpaceReason);
        using var other = await fixture.MakeAsync(fixture.Tree.Dir(("b", "b")));
        Assert.Contains(Memory, MountOf(other), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task When_the_memory_takes_no_further_file_the_disk_is_used()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay");
        Assert.Equal(
            0, Shell.Run("mount -o remount,nr_inodes=2 memory", fixture.Store.Directory.At("scratch")).ExitCode);
        using var made = await fixture.MakeAsync(fixture.Tree.Dir(("a", "a")));
        Assert.Contains(Disk, MountOf(made), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task On_a_containers_root_where_no_upper_layer_can_be_memory_is_used_alone_and_that_is_said()
    {
        RootsFixture.Needs("overlay");
        using var temp = new TempDirectory();
        Assert.Equal(
            (0, ""), Shell.Run(
                "mkdir layers root && mount -t tmpfs none layers && mkdir layers/l layers/u layers/w && mount -t " +
                "overlay none root -o lowerdir=layers/l,upperdir=layers/u,workdir=layers/w", temp.Path));
        try
        {
            using (var fixture = new RootsFixture("overlay",
                settings => settings with { UpperDirectoryRoot = temp.At("root", "scratch"), ScratchMemoryBytes = 1 }))
            {
                Assert.Contains("to memory alone, because it cannot go to", fixture.Roots.Description,
                    StringComparison.Ordinal);
                var root = fixture.Tree.Dir(("a", "a"));
                using var first = await fixture.MakeAsync(root);
                using var second = await fixture.MakeAsync(root);
                Assert.Contains(Memory, MountOf(second), StringComparison.Ordinal);
            }
            using (var full = new RootsFixture("overlay",
                settings => settings with
                {
                    UpperDirectoryRoot = temp.At("root", "scratch"),
                    ScratchMemoryLimit = 1 << 20
                }))
            {
                var root = full.Tree.Dir(("a", "a"));
                using (var made = await full.MakeAsync(root))
                {
                    Shell.Run("head -c 2000000 /dev/zero > big", made.Path);
                    Assert.NotNull(made.OutOfSpaceReason);
                }
                using var again = await full.MakeAsync(root);
                Assert.Equal("copy", again.Materialiser);
                Assert.Equal(0, Shell.Run("head -c 2000000 /dev/zero > big", again.Path).ExitCode);
                Assert.Null(again.OutOfSpaceReason);
            }
            using var neither = new RootsFixture(null,
                settings => settings with { UpperDirectoryRoot = temp.At("root", "scratch"), ScratchMemoryBytes = 0 });
            Assert.Equal("copy", neither.Roots.Materialiser);
            Assert.Contains("no overlay (", neither.Roots.Description, StringComparison.Ordinal);
        }
        finally
        {
            Shell.Run("umount root; umount layers", temp.Path);
        }
    }

    private static string MountOf(IInputRoot root) =>
        File.ReadLines("/proc/self/mountinfo").Single(line => line.Split(' ')[4] == root.Path);
}

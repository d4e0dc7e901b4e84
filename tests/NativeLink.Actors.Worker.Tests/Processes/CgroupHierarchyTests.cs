using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class CgroupHierarchyTests
{
    private const string Plain = "25 30 0:23 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot";

    [Fact]
    public void The_own_group_is_found_below_the_mount_that_shows_it()
    {
        string[] membership = ["12:pids:/system.slice", "0::/system.slice/worker.service"];
        string[] mounts = ["31 1 0:27 / /tmp rw - tmpfs tmpfs rw", Plain];

        Assert.Equal("/sys/fs/cgroup/system.slice/worker.service", CgroupHierarchy.Find(membership, mounts)!.Own);
        Assert.Null(CgroupHierarchy.Find(["12:pids:/system.slice"], mounts));
        Assert.Null(CgroupHierarchy.Find(membership, ["31 1 0:27 / /tmp rw - tmpfs tmpfs rw"]));
        Assert.Null(CgroupHierarchy.Find(membership, ["25 30 0:23 /other /sys/fs/cgroup rw - cgroup2 cgroup2 rw"]));
    }

    [Fact]
    public void Nothing_but_the_option_changes_when_groups_are_made_quick_to_enter()
    {
        var hierarchy = CgroupHierarchy.Find(["0::/"], [Plain])!;

        Assert.False(hierarchy.IsQuick);
        Assert.Equal((32ul | 1 | 2 | 4 | 8 | (1 << 21), "nsdelegate,memory_recursiveprot,favordynmods"), hierarchy.RemountArguments());
        Assert.True((hierarchy with { Options = "rw,favordynmods" }).IsQuick);
    }

    [Fact]
    public void Who_may_make_groups_as_root_enters_them_quickly_from_then_on_or_hears_why_not()
    {
        CgroupContainment containment;
        try
        {
            containment = CgroupContainment.Create();
        }
        catch (FaultException error)
        {
            // No groups here at all: another way of containment is taken, and this is its reason.
            Assert.NotEmpty(error.Fault.Detail);
            return;
        }
        using (containment)
            Assert.NotEqual(containment.Description.Contains("favordynmods", StringComparison.Ordinal), CgroupHierarchy.Find()!.IsQuick);
    }
}

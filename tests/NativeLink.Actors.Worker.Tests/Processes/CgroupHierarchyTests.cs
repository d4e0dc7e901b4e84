using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class CgroupHierarchyTests
{
    private const string Plain = "25 30 0:23 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime shared:4 - cgroup2 " +
        "cgroup2 rw,nsdelegate,memory_recursiveprot";

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
}

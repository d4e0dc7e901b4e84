using NativeLink.Actors.Storage.WorkDirectories;

namespace NativeLink.Actors.Storage.Tests.WorkDirectories;

public sealed class WorkDirectoryTests : IDisposable
{
    private readonly TempDirectory _temp = new();

    private string Work => _temp.At("work");

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void NL_087_A_work_directory_that_is_absent_is_made()
    {
        using var work = WorkDirectory.Open(_temp.At("a", "b", "work"));
        Assert.True(Directory.Exists(work.Path));
        Assert.Empty(VisibleIn(work.Path));
    }

    [Fact]
    public void NL_088_What_a_worker_left_is_wiped()
    {
        Directory.CreateDirectory(_temp.At("work", "an-operation", "work", "inner"));
        File.WriteAllText(_temp.At("work", "an-operation", "work", "inner", "file"), "old");
        Directory.CreateDirectory(_temp.At("work", "empty-one"));
        using (var work = WorkDirectory.Open(Work))
            Assert.Empty(VisibleIn(Work));
        // From then on the directory is marked: whatever is in it is ours.
        File.WriteAllText(_temp.At("work", "file"), "");
        Directory.CreateDirectory(_temp.At("work", "directory", "other"));
        using (var work = WorkDirectory.Open(Work))
            Assert.Empty(VisibleIn(Work));
    }

    [Theory]
    [InlineData("", "not an absolute path")]
    [InlineData("relative/path", "not an absolute path")]
    [InlineData("/", "root directory")]
    [InlineData("/root", "home directory")]
    [InlineData("/home", "home directory")]
    [InlineData("/usr/..", "root directory")]
    public void A_directory_that_must_not_be_wiped_is_refused(string path, string why)
    {
        var fault = Assert.Throws<FaultException>(() => WorkDirectory.Open(path)).Fault;
        Assert.Equal(FaultKind.Worker, fault.Kind);
        Assert.Contains(why, fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_holds_the_store_or_anything_that_no_worker_left_is_refused_and_untouched()
    {
        Directory.CreateDirectory(_temp.At("work", "photos"));
        File.WriteAllText(_temp.At("work", "photos", "holiday.jpg"), "precious");
        Assert.Contains("holds " + _temp.At("work", "photos"), WorkDirectoryCheck.WhyNot(Work, [])!,
            StringComparison.Ordinal);
        Assert.Throws<FaultException>(() => WorkDirectory.Open(Work));
        Assert.Equal("precious", File.ReadAllText(_temp.At("work", "photos", "holiday.jpg")));
        Assert.Single(Directory.EnumerateFileSystemEntries(Work));

        Assert.Contains("must survive", WorkDirectoryCheck.WhyNot(_temp.At("new"), [_temp.At("new", "store")])!,
            StringComparison.Ordinal);
        File.CreateSymbolicLink(_temp.At("link"), _temp.Path);
        Assert.Contains("must survive", WorkDirectoryCheck.WhyNot(_temp.At("link"), [_temp.At("store")])!,
            StringComparison.Ordinal);
        Assert.Null(WorkDirectoryCheck.WhyNot(_temp.At("new"), [_temp.At("store")]));
    }

    [Fact]
    public async Task NL_086_NL_089_Each_attempt_at_an_operation_has_a_directory_of_its_own()
    {
        using var work = WorkDirectory.Open(Work);
        for (var i = 0; i < 3; i++)
        {
            var attempt = AttemptId.Next(new OperationId("op-1"));
            using var action = work.CreateActionDirectory(attempt);
            Assert.Equal(_temp.At("work", $"op-1.{attempt.Number}"), action.Path);
            Assert.Equal(Path.Combine(action.Path, "work"), action.WorkPath);
            Assert.Empty(Directory.EnumerateFileSystemEntries(action.Path));
            Directory.CreateDirectory(action.WorkPath);
            File.WriteAllText(Path.Combine(action.WorkPath, "file"), "output");
        }
        Assert.Empty(VisibleIn(Work));
        await work.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_temp.At("work", ".trash")));
        Assert.Equal(0, work.Backlog);
    }

    [Fact]
    public void The_clean_up_of_one_attempt_does_not_touch_another_of_the_same_operation()
    {
        using var work = WorkDirectory.Open(Work);
        var dying = work.CreateActionDirectory(AttemptId.Next(new OperationId("op-1")));
        using var action = work.CreateActionDirectory(AttemptId.Next(new OperationId("op-1")));
        File.WriteAllText(Path.Combine(action.Path, "stdout"), "kept");
        dying.Dispose();
        Assert.False(Directory.Exists(dying.Path));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(action.Path, "stdout")));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("../../etc")]
    [InlineData("/etc")]
    [InlineData(".hidden")]
    [InlineData("a\0b")]
    [InlineData("ünïcode")]
    public void An_operation_id_that_is_no_safe_name_is_hashed(string id)
    {
        using var work = WorkDirectory.Open(Work);
        using var action = work.CreateActionDirectory(AttemptId.Next(new OperationId(id)));
        Assert.Equal(Work, Path.GetDirectoryName(action.Path));
        Assert.StartsWith("id-", Path.GetFileName(action.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_workers_with_parts_share_a_directory_and_each_wipes_its_own_alone()
    {
        using var first = WorkDirectory.Open(Work, "worker-1");
        using var action = first.CreateActionDirectory(AttemptId.Next(new OperationId("op")));
        using (var second = WorkDirectory.Open(Work, "worker-2"))
        {
            Assert.Equal(_temp.At("work", "worker-1"), first.Path);
            Assert.Equal(_temp.At("work", "worker-2"), second.Path);
        }
        Assert.True(Directory.Exists(action.Path));
        Assert.Contains("in use by another worker", Assert.Throws<FaultException>(
            () => WorkDirectory.Open(Work, "worker-1")).Fault.Detail, StringComparison.Ordinal);
        Assert.Contains("another worker runs in its part",
            Assert.Throws<FaultException>(() => WorkDirectory.Open(Work)).Fault.Detail, StringComparison.Ordinal);
        Assert.True(Directory.Exists(action.Path));
    }

    [Fact]
    public void A_whole_directory_in_use_is_refused_to_everybody_else()
    {
        using var whole = WorkDirectory.Open(Work);
        Assert.Contains("in use by another worker",
            Assert.Throws<FaultException>(() => WorkDirectory.Open(Work)).Fault.Detail, StringComparison.Ordinal);
        Assert.Contains("as a whole", Assert.Throws<FaultException>(
            () => WorkDirectory.Open(Work, "part")).Fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trees_that_are_deep_read_only_or_hidden_are_deleted_all_the_same()
    {
        using var work = WorkDirectory.Open(Work);
        using (var action = work.CreateActionDirectory(AttemptId.Next(new OperationId("op"))))
        {
            var (code, output) = Shell.Run(
                "mkdir -p work/ro/inner && touch work/ro/inner/f && chmod 500 work/ro/inner work/ro && cd work && " +
                "i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done; touch end",
                action.Path);
            Assert.Equal((0, ""), (code, output));
        }
        await work.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_temp.At("work", ".trash")));
    }

    [SkippableFact]
    public async Task A_mount_that_an_action_made_is_never_deleted_through()
    {
        using var work = WorkDirectory.Open(Work);
        Directory.CreateDirectory(_temp.At("elsewhere"));
        File.WriteAllText(_temp.At("elsewhere", "precious"), "kept");
        var action = work.CreateActionDirectory(AttemptId.Next(new OperationId("op")));
        Directory.CreateDirectory(Path.Combine(action.WorkPath, "mnt"));
        var mounted = Shell.Run($"mount --bind {_temp.At("elsewhere")} work/mnt", action.Path).ExitCode == 0;
        action.Dispose();
        await work.Idle.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal("kept", File.ReadAllText(_temp.At("elsewhere", "precious")));
        Assert.Empty(VisibleIn(Work));
        Skip.IfNot(mounted, "this user may not mount: an action's own mount was not seen");
        work.Dispose();
        Assert.Contains("is a mount", Assert.Throws<FaultException>(() => WorkDirectory.Open(Work)).Fault.Detail,
            StringComparison.Ordinal);
        Shell.Run("umount $(awk '{print $5}' /proc/self/mountinfo | grep \"^$PWD/\")", Work);
        Assert.Equal("kept", File.ReadAllText(_temp.At("elsewhere", "precious")));
    }

    [SkippableFact]
    public void What_an_action_had_mounted_in_its_root_goes_with_the_root_at_the_next_start()
    {
        using (WorkDirectory.Open(Work))
        {
        }
        Shell.RunOrSkip(
            "mkdir -p op/work && cd op && mount -t tmpfs nativelink-actors work && mkdir work/m && " +
            "mount -t tmpfs theirs work/m && touch work/m/file",
            Work);

        using var again = WorkDirectory.Open(Work);

        Assert.False(System.IO.Directory.Exists(Path.Combine(Work, "op")));
        Assert.DoesNotContain(_temp.Path, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Mounts_that_a_run_of_ours_left_are_removed_at_the_next_start()
    {
        WorkDirectory.Open(Work).Dispose();
        Directory.CreateDirectory(_temp.At("work", "op", "work"));
        Shell.RunOrSkip("cd op && mount -t tmpfs nativelink-actors work && touch work/file", Work);
        using var work = WorkDirectory.Open(Work);
        Assert.Empty(VisibleIn(Work));
        Assert.DoesNotContain(_temp.Path, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_ended_worker_left_in_its_part_goes_when_another_part_starts_and_nothing_else_does()
    {
        using var running = WorkDirectory.Open(Work, "running");
        WorkDirectory.Open(Work, "ended").Dispose();
        Directory.CreateDirectory(_temp.At("work", "running", "op", "work"));
        Directory.CreateDirectory(_temp.At("work", "ended", "op", "work"));
        Directory.CreateDirectory(_temp.At("work", "ended", ".scratch", "memory"));
        Directory.CreateDirectory(_temp.At("work", "not-ours", "photos"));
        Shell.Run("mount -t tmpfs nativelink-actors ended/.scratch/memory && touch ended/.scratch/memory/file", Work);

        using var other = WorkDirectory.Open(Work, "other");

        Assert.Empty(VisibleIn(_temp.At("work", "ended")));
        Assert.False(Directory.Exists(_temp.At("work", "ended", ".scratch")));
        Assert.DoesNotContain(_temp.Path, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.True(Directory.Exists(_temp.At("work", "running", "op", "work")));
        Assert.True(Directory.Exists(_temp.At("work", "not-ours", "photos")));
        await other.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_temp.At("work", "other", ".trash")));
        using var again = WorkDirectory.Open(Work, "ended");
    }

    [Fact]
    public void Parts_that_were_made_without_their_whole_do_not_keep_it_from_being_taken()
    {
        WorkDirectory.Open(_temp.At("work", "1")).Dispose();
        using var part = WorkDirectory.Open(Work, "2");
        Assert.Equal(_temp.At("work", "2"), part.Path);
    }

    private static List<string> VisibleIn(string path) =>
        Directory.EnumerateFileSystemEntries(path).Where(static entry => !Path.GetFileName(entry).StartsWith('.'))
            .ToList();
}

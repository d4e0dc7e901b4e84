using Akka.Dispatch;
using Akka.TestKit.Xunit2;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Threads;

namespace NativeLink.Actors.Worker.Tests.Threads;

public sealed class DiskShareTests() : TestKit(WorkerHocon.Reference())
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private MessageDispatcher Steps => Sys.Dispatchers.Lookup(WorkerHocon.StepsDispatcher);

    [Fact]
    public async Task Work_on_the_disk_takes_its_share_of_the_threads_and_all_of_it_is_done()
    {
        var disk = DispatcherScheduler.ForDisk(Steps);
        using var stalled = new ManualResetEventSlim();
        var (running, highest, gate) = (0, 0, new Lock());
        var work = Enumerable.Range(0, 200).Select(_ => disk.RunAsync(() =>
        {
            lock (gate)
                highest = Math.Max(highest, ++running);
            stalled.Wait(Patience);
            lock (gate)
                running--;
        })).ToList();

        // What does not need the disk has threads all the while, another scheduler's work on the disk has none.
        var other = DispatcherScheduler.ForDisk(Steps).RunAsync(static () => { });
        for (var i = 0; i < 100; i++)
            await DispatcherScheduler.On(Steps).RunAsync(static () => { }).WaitAsync(Patience);
        Assert.False(other.IsCompleted);

        stalled.Set();
        await Task.WhenAll([.. work, other]).WaitAsync(Patience);
        Assert.InRange(highest, 1, 40);
    }

    [Fact]
    public async Task Work_on_the_disk_runs_here_while_there_is_a_place_and_waits_for_one_else()
    {
        var disk = DispatcherScheduler.ForDisk(Steps);
        var here = disk.RunHereAsync(static () => Environment.CurrentManagedThreadId).AsTask();
        Assert.True(here.IsCompletedSuccessfully);
        Assert.Equal(Environment.CurrentManagedThreadId, await here);

        using var stalled = new ManualResetEventSlim();
        using var begun = new CountdownEvent(40);
        var work = Enumerable.Range(0, 40).Select(_ => disk.RunAsync(() =>
        {
            begun.Signal();
            stalled.Wait(Patience);
        })).ToList();
        Assert.True(begun.Wait(Patience));
        var waiting = disk.RunHereAsync(static () => 1).AsTask();
        Assert.False(waiting.IsCompleted);
        stalled.Set();
        Assert.Equal(1, await waiting.WaitAsync(Patience));
        await Task.WhenAll(work).WaitAsync(Patience);
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await disk.RunHereAsync<int>(static () => throw new InvalidOperationException()));
        Assert.True(disk.RunHereAsync(static () => 2).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Who_has_hashed_its_files_waits_for_no_thread_that_was_to_help()
    {
        using var directory = new TempDirectory();
        var files = Enumerable.Range(0, 5)
            .Select(i => new ScannedFile(directory.Write($"{i}", $"{i}"), false, null, null)).ToList();
        var disk = DispatcherScheduler.ForDisk(Steps);
        using var stalled = new ManualResetEventSlim();
        var work = Enumerable.Range(0, 40).Select(_ => disk.RunAsync(() => stalled.Wait(Patience))).ToList();

        var hashing = FileHashing.HashAllAsync(
            new NativeFiles(), files, DigestFunction.Sha256, disk, CancellationToken.None);

        Assert.True(hashing.IsCompletedSuccessfully);
        Assert.All(files, static file => Assert.Equal(1, file.Digest.SizeBytes));
        stalled.Set();
        await Task.WhenAll(work).WaitAsync(Patience);
    }
}

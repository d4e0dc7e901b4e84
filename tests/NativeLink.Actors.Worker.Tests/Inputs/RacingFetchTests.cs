using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Worker.Tests.Inputs;

/// <summary>
/// What lands between "it is not here" and "it is not on its way" is not fetched again: the other
/// action's whole fetch is put just there.
/// </summary>
public sealed class RacingFetchTests : InputSpec
{
    [Fact]
    public async Task NL_149_NL_198_A_file_that_landed_after_the_look_into_the_store_is_not_fetched_again()
    {
        using var directory = new TempDirectory();
        var time = new TimeWithHook();
        using var store = ContentStore.Open(new ContentStoreOptions(directory.At("content"), directory.At("temp")),
            time);
        var source = NewSource(Client(), store);
        var (first, second) = (Server.Put(Noise(1000, 1)), Server.Put(Noise(1000, 2)));
        var large = Server.Put(Noise(3_000_000));
        // The store asks for the time at each look: at the third one the first two blobs were
        // looked for in vain already.
        time.AtCall(3, () => source.FetchAsync([first, large], None).GetAwaiter().GetResult().Dispose());
        (await source.FetchAsync([first, large, second], None)).Dispose();
        Assert.True(time.Called);
        Assert.All([first, large, second], digest => Assert.Equal(1, Server.Reads[digest]));
    }

    [Fact]
    public async Task NL_198_Eight_actions_at_once_read_each_of_many_directories_once()
    {
        for (var round = 0; round < 10; round++)
        {
            var directories = Enumerable.Range(0, 100).Select(i => PutTree(1, 0, $"{round}/{i}")).ToArray();
            using var start = new Barrier(8);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(() =>
            {
                start.SignalAndWait(TimeSpan.FromSeconds(60));
                return Source.GetDirectoriesAsync(directories, static (_, _) => true, None);
            }, TaskCreationOptions.LongRunning).Unwrap()));
            Assert.All(directories, digest => Assert.Equal(1, Server.Reads[digest]));
        }
    }

    [Fact]
    public async Task Eight_actions_at_once_read_each_of_many_small_files_once()
    {
        for (var round = 0; round < 10; round++)
        {
            var files = Enumerable.Range(0, 200).Select(i => Server.Put(Noise(10 + i, (round * 1000) + i))).ToArray();
            using var start = new Barrier(8);
            var fetches = Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(() =>
            {
                start.SignalAndWait(TimeSpan.FromSeconds(60));
                return Source.FetchAsync(files, None);
            }, TaskCreationOptions.LongRunning).Unwrap()).ToArray();
            foreach (var leases in await Task.WhenAll(fetches))
                leases.Dispose();
            Assert.All(files, file => Assert.Equal(1, Server.Reads[file]));
        }
    }

    /// <summary>
    /// No clock to be moved: it tells at which of its
    /// looks the store is, and real files have real times.
    /// </summary>
    private sealed class TimeWithHook : TimeProvider
    {
        private int _calls = int.MaxValue;
        private Action? _hook;

        public bool Called => _hook is null;

        public void AtCall(int number, Action hook) => (_hook, _calls) = (hook, number);

        public override DateTimeOffset GetUtcNow()
        {
            if (Interlocked.Decrement(ref _calls) == 0)
                Interlocked.Exchange(ref _hook, null)!();
            return base.GetUtcNow();
        }
    }
}

using System.Collections;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Inputs;

namespace NativeLink.Actors.Worker.Tests.Inputs;

/// <summary>What lands between "it is not here" and "it is not on its way" is not fetched again: the other action's whole fetch is put just there.</summary>
public sealed class RacingFetchTests : InputSpec
{
    [Fact]
    public async Task NL_149_NL_198_A_file_that_landed_after_the_look_into_the_store_is_not_fetched_again()
    {
        var directory = Directory.CreateTempSubdirectory("racing-").FullName;
        var time = new TimeWithHook();
        try
        {
            using var store = ContentStore.Open(new ContentStoreOptions(Path.Combine(directory, "content"), Path.Combine(directory, "temp")), time);
            using var source = new InputSource(Client(), store, TaskScheduler.Default);
            var (first, second) = (Server.Put(Noise(1000, 1)), Server.Put(Noise(1000, 2)));
            var large = Server.Put(Noise(3_000_000));
            // The store asks for the time at each look: at the third one the first two blobs were looked for in vain already.
            time.AtCall(3, () => source.FetchAsync([first, large], None).GetAwaiter().GetResult().Dispose());
            (await source.FetchAsync([first, large, second], None)).Dispose();
            Assert.True(time.Called);
            Assert.All([first, large, second], digest => Assert.Equal(1, Server.Reads[digest]));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task NL_198_A_directory_that_landed_after_the_look_into_the_memory_is_not_fetched_again()
    {
        var directory = PutTree(1, 0);
        var racing = new HookedList(directory, () => Source.GetDirectoriesAsync([directory], static (_, _) => true, None).GetAwaiter().GetResult());
        Assert.Contains(directory, await Source.GetDirectoriesAsync(racing, static (_, _) => true, None));
        Assert.Equal(1, Server.Reads[directory]);
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
                start.SignalAndWait(TimeSpan.FromSeconds(10));
                return Source.FetchAsync(files, None);
            }, TaskCreationOptions.LongRunning).Unwrap()).ToArray();
            foreach (var leases in await Task.WhenAll(fetches))
                leases.Dispose();
            Assert.All(files, file => Assert.Equal(1, Server.Reads[file]));
        }
    }

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

    /// <summary>One digest; the hook runs when it has been looked at, before the end is seen.</summary>
    private sealed class HookedList(Digest digest, Action hook) : IReadOnlyCollection<Digest>
    {
        private Action? _hook = hook;

        public int Count => 1;

        public IEnumerator<Digest> GetEnumerator()
        {
            yield return digest;
            Interlocked.Exchange(ref _hook, null)?.Invoke();
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}

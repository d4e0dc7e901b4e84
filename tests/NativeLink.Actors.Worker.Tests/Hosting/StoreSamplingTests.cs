using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;

namespace NativeLink.Actors.Worker.Tests.Hosting;

public sealed class StoreSamplingTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private WorkerHostOptions Options => new()
    {
        Cas = new CasOptions { LocalStoreOnly = true },
        LocalStore = new ContentStoreOptions(_directory.At("cas"), _directory.At("cas-temp")),
        DirectoryCache = new DirectoryCacheOptions(_directory.At("trees")) { ForcedMaterialiser = "copy" },
        Workers =
        [
            new WorkerOptions
            {
                Connection = new ConnectionOptions
                {
                    Name = "sampling-",
                    SchedulerEndpoint = new WorkerApiEndpointOptions(
                        new GrpcEndpointOptions(new Uri("http://127.0.0.1:1"))),
                },
                WorkDirectory = _directory.At("work"),
            },
        ],
    };

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_workers_own_store_is_checked_while_they_run_and_the_log_says_what_was_found()
    {
        var digest = BlobHasher.Compute("sound"u8, DigestFunction.Sha256);
        using (var store = ContentStore.Open(Options.LocalStore, TimeProvider.System))
            store.Put(digest, "sound"u8);
        var path = _directory.At("cas", "d", $"{digest.Hash}-{digest.SizeBytes}");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(path, "wrong");
        using var log = new ListeningLog(digest.Hash);

        // After every time of a file here.
        var time = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var services = await WorkerServices.OpenAsync(Options, log, time);
        time.Advance(TimeSpan.FromMinutes(1));

        Assert.Contains("was corrupt", await log.Heard.WaitAsync(TimeSpan.FromSeconds(30)), StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    private sealed class ListeningLog(string word) : ILoggerFactory, ILogger
    {
        private readonly TaskCompletionSource<string> _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The first warning with the word in it.</summary>
        public Task<string> Heard => _heard.Task;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            var text = formatter(state, exception);
            if (logLevel == LogLevel.Warning && text.Contains(word, StringComparison.Ordinal))
                _heard.TrySetResult(text);
        }

        public void Dispose()
        {
        }
    }
}

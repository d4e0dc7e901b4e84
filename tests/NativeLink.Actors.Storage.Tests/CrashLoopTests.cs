using Xunit.Abstractions;

namespace NativeLink.Actors.Storage.Tests;

public class CrashLoopTests(ITestOutputHelper output)
{
    [Fact]
    public void After_kill_nine_at_any_moment_store_and_cache_are_right_and_no_mount_is_left()
    {
        using var directory = new TempDirectory();
        CrashLoop.Run(directory.Path, rounds: 4, seed: Seed.Draw(output), output.WriteLine);
    }
}

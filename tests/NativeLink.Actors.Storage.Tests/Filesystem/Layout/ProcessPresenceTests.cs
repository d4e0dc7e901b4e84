using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Layout;

public sealed class ProcessPresenceTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Others_are_seen_as_soon_as_they_register_and_no_longer_than_they_stay()
    {
        using var first = Register();
        for (var i = 0; i < 20; i++)
        {
            Assert.False(first.HasOthers);
            using (var second = Register())
            {
                Assert.Equal(second.Name, Assert.Single(first.Others));
                Assert.Equal(first.Name, Assert.Single(second.Others));
            }
        }
        Assert.False(first.HasOthers);
    }

    [Fact]
    public void One_that_was_killed_is_forgotten_without_anybody_registering_anew_and_what_it_left_is_cleaned_once()
    {
        var cleaned = new List<string>();
        using var presence = ProcessPresence.Register(_directory.Path, cleaned.Add);
        var dying = DirectoryLock.TryTake(_directory.At("dying.lock"))!;
        Assert.Equal("dying", Assert.Single(presence.Others));

        // The kernel drops the lock of a process that is killed; its file stays.
        dying.Dispose();

        Assert.True(SpinWait.SpinUntil(() => !presence.HasOthers, TimeSpan.FromSeconds(30)));
        Assert.Equal(["dying"], cleaned);
        Assert.False(File.Exists(_directory.At("dying.lock")));
    }

    private ProcessPresence Register() => ProcessPresence.Register(_directory.Path, static _ => { });
}

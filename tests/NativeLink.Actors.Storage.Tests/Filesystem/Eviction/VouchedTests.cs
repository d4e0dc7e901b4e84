using Microsoft.Extensions.Time.Testing;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Eviction;

/// <summary>Builds without the bytes: what a client was told to be here stays for a while.</summary>
public class VouchedTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Start);

    [Fact]
    public void What_a_client_was_told_of_outlives_what_was_used_later()
    {
        using var fixture = Open(3);
        var told = fixture.Store.Put("told of");
        _time.Advance(TimeSpan.FromMinutes(40));
        Assert.True(fixture.Store.Contains(told));
        var used = fixture.Store.Put("put long ago, and read");
        _time.Advance(TimeSpan.FromMinutes(31));
        Assert.True(fixture.Store.Contains(told));
        using (fixture.Store.TryOpenRead(used))
        {
        }
        fixture.Store.Put("other 1");
        fixture.Store.Put("other 2");

        Assert.True(File.Exists(fixture.BlobPath(told)));
        Assert.False(File.Exists(fixture.BlobPath(used)));
        Assert.Empty(fixture.Warnings);
    }

    [Fact]
    public void When_nothing_else_is_left_it_goes_and_the_log_says_so_once_a_minute()
    {
        using var fixture = Open(3);
        var first = fixture.Store.Put("first");
        for (var i = 0; i < 10; i++)
            fixture.Store.Put($"other {i}");

        Assert.False(File.Exists(fixture.BlobPath(first)));
        Assert.Equal(3, fixture.Store.Usage.Count);
        Assert.Contains("clients were told of", Assert.Single(fixture.Warnings), StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMinutes(2));
        fixture.Store.Put("one more");
        Assert.Equal(2, fixture.Warnings.Count);
    }

    [Fact]
    public void Age_alone_takes_nothing_that_a_client_was_told_of()
    {
        using var fixture = new StoreFixture(static options =>
            options with { MaxAge = TimeSpan.FromMinutes(5), VouchedFor = TimeSpan.FromMinutes(30) }, _time);
        var told = fixture.Store.Put("told of");
        _time.Advance(TimeSpan.FromMinutes(20));
        fixture.Store.Put("other");
        Assert.True(File.Exists(fixture.BlobPath(told)));
        _time.Advance(TimeSpan.FromMinutes(20));
        fixture.Store.Put("another");
        Assert.False(File.Exists(fixture.BlobPath(told)));
    }

    [Fact]
    public void For_room_to_come_nothing_goes_that_a_client_was_told_of()
    {
        using var fixture = new StoreFixture(
            static options => options with
            {
                MaxBytes = 10 * 4096,
                EvictBytes = 5 * 4096,
                VouchedFor = TimeSpan.FromMinutes(30)
            }, _time);
        for (var i = 0; i < 11; i++)
            fixture.Store.Put($"blob {i}");
        Assert.Equal(10, fixture.Store.Usage.Count);
        _time.Advance(TimeSpan.FromMinutes(31));
        fixture.Store.Put("one more, and nobody relies on the others");
        Assert.Equal(5, fixture.Store.Usage.Count);
    }

    private StoreFixture Open(int blobs) =>
        new(options => options with { MaxCount = blobs, VouchedFor = TimeSpan.FromMinutes(30) }, _time);
}

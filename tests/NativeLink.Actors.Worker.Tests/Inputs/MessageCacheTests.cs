using NativeLink.Actors.Worker.Inputs;

namespace NativeLink.Actors.Worker.Tests.Inputs;

public sealed class MessageCacheTests
{
    [Fact]
    public void The_least_recently_used_message_goes_first_when_the_bytes_are_too_many()
    {
        var cache = new MessageCache(3 * 700);
        for (byte i = 1; i <= 3; i++)
            cache.Add(Digest(i), new Reapi.Command());
        Assert.True(cache.TryGet<Reapi.Command>(Digest(1), out _));
        cache.Add(Digest(4), new Reapi.Command());
        Assert.Equal([true, false, true, true], Enumerable.Range(1, 4).Select(i => cache.Knows(Digest((byte)i))));
    }

    [Fact]
    public void A_message_of_another_type_is_not_taken_for_the_one_asked_for()
    {
        var cache = new MessageCache(2000);
        cache.Add(Digest(1), new Reapi.Command());
        Assert.False(cache.TryGet<Reapi.Directory>(Digest(1), out _));
        cache.Add(Digest(1), new Reapi.Directory());
        Assert.True(cache.TryGet<Reapi.Directory>(Digest(1), out _));
    }

    private static Digest Digest(byte i) =>
        Protocol.Digest.FromHash(Enumerable.Repeat(i, 32).ToArray(), 100, DigestFunction.Sha256);
}

namespace NativeLink.Actors.Protocol.Tests;

public class MessageTextTests
{
    [Fact]
    public void A_cut_never_leaves_half_of_a_surrogate_pair()
    {
        var name = new string('a', 39) + "\U0001F600" + new string('b', 300);
        Assert.Equal(new string('a', 39), MessageText.Head(name, 40));
        Assert.Equal(new string('a', 39) + "\U0001F600", MessageText.Head(name, 41));
        Assert.Equal(new string('b', 300), MessageText.Tail(name, 301));
        Assert.Equal("\U0001F600" + new string('b', 300), MessageText.Tail(name, 302));
        Assert.Equal(("ab", "ab"), (MessageText.Head("ab", 2), MessageText.Tail("ab", 2)));
    }
}

using Google.Protobuf;

namespace NativeLink.Actors.Protocol.Tests;

public sealed class WireMessagesTests
{
    [Fact]
    public void A_message_is_decoded()
    {
        var directory = new Reapi.Directory { NodeProperties = new Reapi.NodeProperties { UnixMode = 0x1ED } };
        Assert.True(WireMessages.TryParse(Reapi.Directory.Parser, directory.ToByteArray(), out var decoded, out _));
        Assert.Equal(directory, decoded);
    }

    [Theory]
    [InlineData("FF")]
    [InlineData("0A05")]
    // unix_mode's wrapper ends early: the parser throws no exception of its own there.
    [InlineData("2A041A020000")]
    public void What_is_no_message_is_told_and_never_thrown(string hex)
    {
        Assert.False(WireMessages.TryParse(Reapi.Directory.Parser, Convert.FromHexString(hex), out _, out var problem));
        Assert.NotEmpty(problem);
    }
}

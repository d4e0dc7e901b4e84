using Value = Build.Bazel.Remote.Execution.V2.DigestFunction.Types.Value;

namespace NativeLink.Actors.Protocol.Tests;

public sealed class DigestFunctionTests
{
    [Theory]
    [InlineData(Value.Sha256, DigestFunction.Sha256, "sha256")]
    [InlineData(Value.Blake3, DigestFunction.Blake3, "blake3")]
    public void The_served_functions_come_from_the_wire_and_go_back(Value wire, DigestFunction expected, string name)
    {
        Assert.True(DigestFunctions.TryFromWire(wire, out var function));
        Assert.Equal((expected, wire, name), (function, function.ToWire(), function.LowerName()));
    }

    [Fact]
    public void An_unknown_function_means_the_default_one()
    {
        Assert.True(DigestFunctions.TryFromWire(Value.Unknown, out var usual));
        Assert.True(DigestFunctions.TryFromWire(Value.Unknown, out var chosen, DigestFunction.Blake3));
        Assert.Equal((DigestFunction.Sha256, DigestFunction.Blake3), (usual, chosen));
    }

    [Fact]
    public void Every_other_function_is_refused()
    {
        foreach (var wire in Enum.GetValues<Value>().Except([Value.Unknown, Value.Sha256, Value.Blake3])
            .Append((Value)99))
            Assert.False(DigestFunctions.TryFromWire(wire, out _));
    }
}

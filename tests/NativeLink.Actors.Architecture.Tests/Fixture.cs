// Two namespaces with one wrong arrow: the proof that the rules of these tests can fail.
#pragma warning disable IDE0130
namespace NativeLink.Actors.Architecture.Tests.Fixture.Upper
{
    internal sealed class Above
    {
        public int Answer { get; } = 42;
    }
}

namespace NativeLink.Actors.Architecture.Tests.Fixture.Lower
{
    internal sealed class LooksUp
    {
        public int Read() => new Upper.Above().Answer;
    }

    internal sealed class LooksNowhere
    {
        public int Read() => 42;
    }
}

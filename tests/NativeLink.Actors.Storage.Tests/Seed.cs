using System.Globalization;
using Xunit.Abstractions;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// What a test's draws begin with: another one each time,
/// or that of NLA_TEST_SEED; told in the test's output.
/// </summary>
internal static class Seed
{
    private const string Variable = "NLA_TEST_SEED";

    public static int Draw(ITestOutputHelper output)
    {
        var seed = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
            ? int.Parse(named, CultureInfo.InvariantCulture)
            : Environment.TickCount;
        output.WriteLine($"the same draws again: {Variable}={seed}");
        return seed;
    }
}

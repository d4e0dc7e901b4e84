using System.Reflection;
using NetArchTest.Rules;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>Finds types of one namespace that use another: the arrows that are not in the picture.</summary>
internal static class Arrows
{
    /// <summary>
    /// Names of the types below <paramref name="from"/> that use something below one of
    /// <paramref name="forbidden"/>.
    /// </summary>
    public static IReadOnlyList<string> Wrong(Assembly assembly, string from, params string[] forbidden)
    {
        if (forbidden.Length == 0)
            return [];
        var result = Types.InAssembly(assembly).That().ResideInNamespaceStartingWith(from).ShouldNot()
            .HaveDependencyOnAny(forbidden).GetResult();
        return [.. result.FailingTypeNames ?? []];
    }

    /// <summary>How many types there are below a namespace: a rule about nothing proves nothing.</summary>
    public static int Count(Assembly assembly, string from) =>
        Types.InAssembly(assembly).That().ResideInNamespaceStartingWith(from).GetTypes().Count();
}

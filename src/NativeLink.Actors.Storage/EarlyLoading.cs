using System.Reflection;

namespace NativeLink.Actors.Storage;

/// <summary>
/// Loads the assemblies that code will need before it runs. The runtime loads one at the first call
/// that needs it, and remembers for the life of the process when that failed: without a free
/// descriptor at that moment, every later action would fail too.
/// </summary>
internal static class EarlyLoading
{
    private const string Ours = "NativeLink.Actors.";

    /// <summary>
    /// What one of our assemblies refers to, and what those of ours among it refer to in turn. What
    /// packages and the framework refer to is left to them: most of that is never needed.
    /// </summary>
    public static void LoadReferencesOf(Assembly root)
    {
        var (known, open) = (new HashSet<string>(StringComparer.Ordinal), new Stack<Assembly>([root]));
        while (open.TryPop(out var assembly))
        {
            foreach (var name in assembly.GetReferencedAssemblies())
            {
                if (known.Add(name.FullName) && TryLoad(name) is { } loaded
                    && name.Name!.StartsWith(Ours, StringComparison.Ordinal))
                    open.Push(loaded);
            }
        }
    }

    /// <summary>Null for one that is referred to and not there, as optional parts of packages are.</summary>
    private static Assembly? TryLoad(AssemblyName name)
    {
        try
        {
            return Assembly.Load(name);
        }
        catch (Exception error) when (error is IOException or BadImageFormatException)
        {
            return null;
        }
    }
}

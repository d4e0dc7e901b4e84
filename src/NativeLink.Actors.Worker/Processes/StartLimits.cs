using System.Globalization;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// How many files a child may open. The runtime raises this process's soft limit to the hard one
/// before anything of ours runs; a child is to have what one of a login shell has: programs of old
/// use select(2), which ends at 1024, and whoever wants more raises it himself.
/// </summary>
internal static unsafe class StartLimits
{
    private const ulong Usual = 1024; // What the kernel starts with, and what login shells and services have.
    private const string Row = "Max open files";

    private static readonly Lazy<ResourceLimit> Found = new(Find);

    internal static ResourceLimit OpenFiles => Found.Value;

    /// <summary>
    /// What this process was started with: what its parent has, unless someone has set the limits
    /// in between, which the hard one tells.
    /// </summary>
    /// <param name="own">After the runtime has raised it.</param>
    /// <param name="parent">Null when it cannot be seen.</param>
    internal static ResourceLimit Choose(ResourceLimit own, ResourceLimit? parent) =>
        parent is { } known && known.Hard == own.Hard && known.Soft <= own.Hard
            ? known
            : own with { Soft = Math.Min(Usual, own.Hard) };

    private static ResourceLimit Find()
    {
        ResourceLimit own;
        return Libc.ProcessLimit(0, ResourceLimit.OpenFiles, null, &own) == 0
            ? Choose(own, OfParent())
            : new ResourceLimit { Soft = Usual, Hard = Usual };
    }

    /// <summary>proc_pid_limits(5): of every user's processes.</summary>
    private static ResourceLimit? OfParent()
    {
        var parent = Libc.ParentId();
        try
        {
            foreach (var line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{parent}/limits")))
            {
                if (line.StartsWith(Row, StringComparison.Ordinal)
                    && line[Row.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, var hard, ..])
                    return new ResourceLimit { Soft = Parse(soft), Hard = Parse(hard) };
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            // It has ended meanwhile, or this process may not see it.
        }

        return null;
    }

    private static ulong Parse(string text) => text == "unlimited"
        ? ResourceLimit.Infinity
        : ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}

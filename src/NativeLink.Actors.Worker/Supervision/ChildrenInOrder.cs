using System.Globalization;
using Akka.Actor;

namespace NativeLink.Actors.Worker.Supervision;

/// <summary>
/// Stops an actor's children before Akka does, in the order of their numbers and names. Akka's own order is that of a
/// hash, another one in each process; a simulation is to see the same one each time.
/// </summary>
internal static class ChildrenInOrder
{
    public static void StopChildren(this IActorContext context)
    {
        foreach (var child in context.GetChildren().OrderBy(static child => NumberOf(child.Path.Name))
            .ThenBy(static child => child.Path.Name, StringComparer.Ordinal).ToList())
        {
            context.Unwatch(child);
            context.Stop(child);
        }
    }

    // {operation}.{number}, see ActorNames; all others come after those.
    private static long NumberOf(string name) =>
        long.TryParse(name.AsSpan(name.LastIndexOf('.') + 1), NumberStyles.None, CultureInfo.InvariantCulture,
            out var number)
            ? number
            : long.MaxValue;
}

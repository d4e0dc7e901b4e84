using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>A worker to be, with the name and directory that are its own.</summary>
/// <param name="OwnPart">The part of the work directory that this
/// process or worker has to itself; null: all of it.</param>
internal sealed record WorkerDraft(WorkerConfig Config, string Name, string WorkDirectory, string? OwnPart);

/// <summary>Who gets which name and which part of the work directory.</summary>
internal static class WorkerNaming
{
    public static ImmutableArray<WorkerDraft> Draft(NativeLinkConfig config, WorkerSwitches switches)
    {
        if (config.Workers.IsEmpty)
            return [];
        if (switches.Count is not { } count)
            return [.. config.Workers.Select((worker, index) => One(
                worker, switches.WorkerId is { } id ? Numbered(id, index + 1, config.Workers.Length) : null))];
        var first = config.Workers[0];
        if (count == 1)
            return [One(first, switches.WorkerId)];
        var name = switches.WorkerId ?? (first.Name.Length > 0 ? first.Name : "worker");
        return [.. Enumerable.Range(1, count)
            .Select(number => One(first, string.Create(CultureInfo.InvariantCulture, $"{name}-{number}")))];
    }

    /// <summary>
    /// A name that can stand in a path: other characters
    /// are replaced, and a hash keeps two such names apart.
    /// </summary>
    public static string PathPart(string name)
    {
        var clean = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_'))
            .TrimStart('.');
        if (clean == name && clean.Length is > 0 and <= 100)
            return clean;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 4));
        return $"{(clean.Length > 80 ? clean[..80] : clean)}_{hash}";
    }

    private static WorkerDraft One(WorkerConfig worker, string? id)
    {
        if (id is null)
            return new WorkerDraft(worker, worker.Name, worker.WorkDirectory, null);
        var part = PathPart(id);
        return new WorkerDraft(worker, id, Path.Combine(worker.WorkDirectory, part), part);
    }

    private static string Numbered(string id, int number, int of) =>
        of == 1 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}-{number}");
}

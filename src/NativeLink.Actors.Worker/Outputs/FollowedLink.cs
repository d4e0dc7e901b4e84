using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// What a symlink led to when it was followed once: everything else is asked of this, so that
/// nobody can put something else in its place.
/// </summary>
internal sealed class FollowedLink : IDisposable
{
    private FollowedLink(SafeHandle target, in FileStatus status, string realPath) =>
        (Target, Status, RealPath) = (target, status, realPath);

    public SafeHandle Target { get; }

    public FileStatus Status { get; }

    /// <summary>Absolute, as the kernel sees it.</summary>
    public string RealPath { get; }

    /// <summary>Null when it leads nowhere, or to what the action could not have read, and why.</summary>
    /// <exception cref="FaultException">Worker: it cannot be told.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The answer owns the target.")]
    public static FollowedLink? Open(IOutputFiles files, SafeHandle parent, string name, out string whyNot)
    {
        if (files.OpenTarget(parent, name, out whyNot) is not { } target)
            return null;
        var kept = false;
        try
        {
            var status = files.Status(target, "", follow: false);
            if (files.IsInProc(target))
                whyNot = "it is a view of a process that has ended";
            else if (status.Kind is FileKind.Special || files.MayRead(target, out whyNot))
                kept = true;
            return kept ? new FollowedLink(target, status, files.RealPath(target)) : null;
        }
        finally
        {
            if (!kept)
                target.Dispose();
        }
    }

    public void Dispose() => Target.Dispose();
}

using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>What a symlink led to when it was followed once: everything else is asked of this, so that nobody can put something else in its place.</summary>
internal sealed class FollowedLink : IDisposable
{
    private FollowedLink(SafeFileHandle target, in FileStatus status) => (Target, Status, RealPath) = (target, status, NativeFiles.RealPath(target));

    public SafeFileHandle Target { get; }

    public FileStatus Status { get; }

    /// <summary>Absolute, as the kernel sees it.</summary>
    public string RealPath { get; }

    /// <summary>Null when it leads nowhere, or to what the action could not have read, and why.</summary>
    /// <exception cref="FaultException">Worker: it cannot be told.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The answer owns the target.")]
    public static FollowedLink? Open(SafeFileHandle parent, string name, out string whyNot)
    {
        if (NativeFiles.OpenTarget(parent, name, out whyNot) is not { } target)
            return null;
        var kept = false;
        try
        {
            var status = NativeFiles.Status(target, "", follow: false);
            if (NativeFiles.IsInProc(target))
                whyNot = "it is a view of a process that has ended";
            else if (status.Kind is FileKind.Special || NativeFiles.MayRead(target, out whyNot))
                kept = true;
            return kept ? new FollowedLink(target, status) : null;
        }
        finally
        {
            if (!kept)
                target.Dispose();
        }
    }

    public void Dispose() => Target.Dispose();
}

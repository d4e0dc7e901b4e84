using NativeLink.Actors.Storage.WorkDirectories;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>The work directory of one worker, from which each action gets a directory of its own.</summary>
public interface IActionDirectories
{
    /// <summary>Makes <c>{work}/{attempt}</c>, empty.</summary>
    /// <exception cref="FaultException">Worker: the disk refused it.</exception>
    IActionDirectory Create(AttemptId attempt);

    /// <summary>A path, not yet existing, for a file of this attempt that belongs to no action directory.</summary>
    string ScratchPath(AttemptId attempt);
}

/// <summary>Everything an action has on disk. Disposing it moves the whole away and deletes it in the background.</summary>
public interface IActionDirectory : IDisposable
{
    /// <summary>Absolute path of <c>{work}/{attempt}</c>.</summary>
    string Path { get; }

    /// <summary>Says that so many bytes have come to lie here; they count until it is disposed.</summary>
    void Account(long bytes);

    /// <summary>Where the input root is made; owns it.</summary>
    ActionDirectory Staging { get; }

    /// <summary>Spool file.</summary>
    string StdoutPath => System.IO.Path.Combine(Path, "stdout");

    /// <summary>Spool file.</summary>
    string StderrPath => System.IO.Path.Combine(Path, "stderr");

    /// <summary>Where a wrapper may leave its word; nothing is there yet.</summary>
    string SideChannelPath => System.IO.Path.Combine(Path, "side_channel");
}

using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.WorkDirectories;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>The work directory of one worker, from which each action gets a directory of its own.</summary>
internal interface IActionDirectories
{
    /// <summary><c>{work}/{attempt}</c>; nothing is done on the disk before something of it is used.</summary>
    IActionDirectory New(AttemptId attempt);
}

/// <summary>
/// Everything an action has on disk. Disposing it unmounts, moves the whole away and deletes it in the background, as
/// soon as nobody is in it any more.
/// </summary>
internal interface IActionDirectory : IDisposable
{
    /// <summary>Absolute path of <c>{work}/{attempt}</c>.</summary>
    string Path { get; }

    /// <summary>
    /// Says that a process is to work in it. It stays, whoever disposes of it meanwhile, until what
    /// is returned has been called, once: by then the process's whole tree is gone. That call
    /// answers what is to be done on the disk then: the removal of what was disposed of meanwhile,
    /// or nothing.
    /// </summary>
    /// <exception cref="FaultException">Aborted: it has been disposed of.</exception>
    Func<Action?> Enter();

    /// <summary>Looks at what the action's process left here, when its tree is gone.</summary>
    /// <param name="hasSideChannel">Whether a wrapper has been told of one; what lies there otherwise is nobody's
    /// word.</param>
    RunFindings Inspect(IInputRoot root, bool hasSideChannel);

    /// <summary>Reads what the precondition script said, and deletes it.</summary>
    ScriptFindings TakeScript();

    /// <summary>Says that so many bytes have come to lie here; they count until it is disposed.</summary>
    void Account(long bytes);

    /// <summary>Where the input root is made; owns it.</summary>
    IStagingDirectory Staging { get; }

    /// <summary>Spool file of the precondition script, which runs before the directory is made.</summary>
    string ScriptStdoutPath { get; }

    /// <inheritdoc cref="ScriptStdoutPath"/>
    string ScriptStderrPath { get; }

    /// <summary>Spool file.</summary>
    string StdoutPath => System.IO.Path.Combine(Path, "stdout");

    /// <summary>Spool file.</summary>
    string StderrPath => System.IO.Path.Combine(Path, "stderr");

    /// <summary>Where a wrapper may leave its word; nothing is there yet.</summary>
    string SideChannelPath => System.IO.Path.Combine(Path, "side_channel");
}

namespace NativeLink.Actors.Worker.Operations;

/// <summary>The work directory of one worker, from which each action gets a directory of its own.</summary>
public interface IActionDirectories
{
    /// <summary>Makes <c>{work}/{operation id}</c>, empty; what an earlier run left there is moved aside.</summary>
    /// <exception cref="FaultException">Storage: the disk refused it.</exception>
    IActionDirectory Create(OperationId id);

    /// <summary>A path, not yet existing, for a file that belongs to no action directory.</summary>
    string ScratchPath();
}

/// <summary>Everything an action has on disk. Disposing it moves the whole away and deletes it in the background.</summary>
public interface IActionDirectory : IDisposable
{
    /// <summary>Absolute path of <c>{work}/{operation id}</c>.</summary>
    string Path { get; }

    /// <summary>Says that so many bytes have come to lie here; they count until it is disposed.</summary>
    void Account(long bytes);

    /// <summary>Absolute path where the input root goes; nothing is there yet.</summary>
    string InputRootPath => System.IO.Path.Combine(Path, "work");

    /// <summary>Spool file.</summary>
    string StdoutPath => System.IO.Path.Combine(Path, "stdout");

    /// <summary>Spool file.</summary>
    string StderrPath => System.IO.Path.Combine(Path, "stderr");

    /// <summary>Where a wrapper may leave its word; nothing is there yet.</summary>
    string SideChannelPath => System.IO.Path.Combine(Path, "side_channel");
}

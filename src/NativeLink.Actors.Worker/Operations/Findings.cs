namespace NativeLink.Actors.Worker.Operations;

/// <summary>What an action's process has left behind, looked at when its tree was gone.</summary>
/// <param name="LogBytes">Of stdout and stderr.</param>
/// <param name="SaysTimeout">Whether the wrapper around the command reports a timeout by the side channel.</param>
/// <param name="SideChannelFault">Why the wrapper's word cannot be understood.</param>
/// <param name="OutOfSpaceReason">What it may have run short of, through no fault of its own; see
/// <see cref="Storage.Materialisers.IInputRoot.OutOfSpaceReason"/>.</param>
internal sealed record RunFindings(long LogBytes, bool SaysTimeout, Fault? SideChannelFault, string? OutOfSpaceReason)
{
    /// <summary>Of a process that never began.</summary>
    public static readonly RunFindings None = new(0, false, null, null);

    /// <param name="hasSideChannel">Whether a wrapper has been told of one; what lies there
    /// otherwise is nobody's word.</param>
    public static RunFindings Read(
        IActionDirectory directory, Storage.Materialisers.IInputRoot root, bool hasSideChannel)
    {
        var (saysTimeout, fault) = (false, (Fault?)null);
        try
        {
            saysTimeout = hasSideChannel && SideChannel.SaysTimeout(directory.SideChannelPath);
        }
        catch (FaultException error)
        {
            fault = error.Fault;
        }
        return new RunFindings(LengthOf(directory.StdoutPath) + LengthOf(directory.StderrPath), saysTimeout, fault,
            root.OutOfSpaceReason);
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true, Length: var length }
        ? length
        : 0;
}

/// <summary>What a precondition script said: the beginning of each, trimmed.</summary>
internal sealed record ScriptFindings(string Stdout, string Stderr)
{
    public static readonly ScriptFindings None = new("", "");

    /// <summary>Reads both and deletes them.</summary>
    public static ScriptFindings Take(IActionDirectory directory)
    {
        var findings = new ScriptFindings(ScriptOutputs.Text(directory.ScriptStdoutPath),
            ScriptOutputs.Text(directory.ScriptStderrPath));
        ScriptOutputs.Delete(directory.ScriptStdoutPath);
        ScriptOutputs.Delete(directory.ScriptStderrPath);
        return findings;
    }
}

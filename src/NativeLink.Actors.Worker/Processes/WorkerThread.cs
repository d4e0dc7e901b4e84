namespace NativeLink.Actors.Worker.Processes;

/// <summary>Threads of this room's own.</summary>
internal static class WorkerThread
{
    /// <exception cref="FaultException">Worker: the system has no more; nothing is left of it.</exception>
    internal static Thread Start(ThreadStart run, string name, int stackSize = 256 * 1024)
    {
        var thread = new Thread(run, stackSize) { IsBackground = true, Name = name };
        try
        {
            thread.Start();
            return thread;
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            throw new FaultException(FaultKind.Worker, $"there is no thread for {name}: {error.Message}", error);
        }
    }
}

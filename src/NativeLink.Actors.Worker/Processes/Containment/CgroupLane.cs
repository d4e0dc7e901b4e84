namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// Spawns into cgroups. A group that does not take the child is not used again, whatever has become
/// of it, and another is tried.
/// </summary>
internal sealed class CgroupLane(CgroupContainment groups) : ILaneContainment
{
    private const int MostAttempts = 3;

    public IProcessTree? Spawn(SpawnCall call)
    {
        for (var attempt = 1; ; attempt++)
        {
            var group = groups.Take();
            if (call.Spawn(cgroup: group.Directory)) return group;
            if (call.Failure != SpawnFailure.Child && group.IsEmpty())
            {
                _ = group.Close();
                return null;
            }

            group.Remove();
            if (call.Failure != SpawnFailure.Child || call.IsScarcity) return null;
            if (attempt == MostAttempts)
                throw new FaultException(
                    FaultKind.Worker, $"a new process cannot be made in a cgroup: {Errno.Message(call.Error)}");
        }
    }

    public void Dispose()
    {
    }
}

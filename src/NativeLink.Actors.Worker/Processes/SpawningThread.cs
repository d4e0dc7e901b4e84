namespace NativeLink.Actors.Worker.Processes;

/// <summary>What a thread hands on to the processes that it spawns; to be called on that thread.</summary>
internal static unsafe class SpawningThread
{
    private const int MostCapabilities = 64;

    /// <summary>
    /// A umask of its own for actions, and nothing of the worker's capabilities: an ordinary user's
    /// worker holds them in a user namespace of its own, where it has got them as ambient ones.
    /// Root's actions stay root. The thread's own permitted and effective sets stay as they are
    /// (capabilities(7)).
    /// </summary>
    internal static void Prepare()
    {
        // The umask is the whole process's unless a thread parts from it; children inherit this thread's.
        if (Libc.Unshare(CloneFlags.Fs) == 0) _ = Libc.UMask(0x12);
        if (Environment.IsPrivilegedProcess) return;
        SetInheritable(0);
        // Else a program with file capabilities would get those over the worker's namespaces.
        // Without CAP_SETPCAP there is nothing to take away.
        for (var capability = 0; capability < MostCapabilities; capability++)
            if (Libc.ProcessControl(Libc.PrCapBoundingDrop, (nuint)capability, 0, 0, 0) != 0) return;
    }

    /// <summary>For helpers of the worker's own that mount: the one capability that this takes, and no other.</summary>
    internal static void PrepareForHelper()
    {
        if (Environment.IsPrivilegedProcess) return;
        SetInheritable(1u << Libc.CapSysAdmin);
        _ = Libc.ProcessControl(Libc.PrCapAmbient, Libc.PrCapAmbientRaise, Libc.CapSysAdmin, 0, 0);
    }

    /// <summary>Also empties the ambient set, which is part of the inheritable one.</summary>
    private static void SetInheritable(uint low)
    {
        _ = Libc.ProcessControl(Libc.PrCapAmbient, Libc.PrCapAmbientClearAll, 0, 0, 0);
        var header = stackalloc uint[2] { Libc.CapabilityVersion3, 0 };
        var words = stackalloc uint[6]; // effective, permitted, inheritable: the lower halves, then the upper ones
        if (Libc.CapabilitiesGet(header, words) != 0) return;
        (words[2], words[5]) = (low, 0);
        _ = Libc.CapabilitiesSet(header, words);
    }
}

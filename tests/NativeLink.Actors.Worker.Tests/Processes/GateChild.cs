using System.Globalization;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>A child in posix_spawn, at a gate that nobody opens: as a worker leaves it that is killed at this moment.</summary>
internal sealed class GateChild : IDisposable
{
    private readonly SpawnCall _call = new();
    private readonly (int First, int Second) _gates;
    private readonly Thread _spawner;
    private volatile int _spawnerId;

    /// <param name="plan">What it would begin after the gates.</param>
    /// <param name="owner">The worker that the gates are said to belong to, as <see cref="ProcessIdentity.Name"/> writes it.</param>
    internal GateChild(ProcessPlan plan, string owner)
    {
        _gates = (SpawnGate.MakeFifo(owner), SpawnGate.MakeFifo(owner));
        _call.Prepare(plan, plan.Arguments[0], _gates);
        _spawner = new Thread(Spawn, 256 * 1024) { IsBackground = true, Name = "gate-child" };
        ForkWindow.Enter();
        _spawner.Start();
        try
        {
            Assert.True(SpinWait.SpinUntil(() => _spawnerId != 0 && (Pid != 0 || HasEnded), TimeSpan.FromSeconds(20)));
        }
        finally
        {
            ForkWindow.Leave();
        }
    }

    /// <summary>Whether posix_spawn has returned, which it does when the child begins its program, fails or ends.</summary>
    internal bool HasEnded => !_spawner.IsAlive;

    /// <summary>It sleeps: there is nothing else on its way that it could wait for.</summary>
    internal bool IsAtGate => ProcStat.Read(Pid) is { } stat && ProcStat.State(stat) == 'S';

    private int Pid => ProcStat.Pids(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{_spawnerId}/children")).FirstOrDefault();

    public void Dispose()
    {
        if (Pid is var pid and not 0) _ = Native.SendSignal(pid, Native.SigKill);
        _spawner.Join();
        foreach (var fd in (ReadOnlySpan<int>)[_gates.First, _gates.Second]) _ = Native.Close(fd);
        _call.Dispose();
    }

    private void Spawn()
    {
        _spawnerId = Native.ThreadId();
        if (_call.Spawn()) _call.KillAndReap();
    }
}

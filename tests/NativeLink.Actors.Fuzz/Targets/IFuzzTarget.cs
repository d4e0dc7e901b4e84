using NativeLink.Actors.Fuzz.Making;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>One kind of input, with the invariants that hold for it.</summary>
internal interface IFuzzTarget : IAsyncDisposable
{
    /// <summary>Cases that may run at the same time.</summary>
    int AtOnce { get; }

    /// <summary>Runs a case. A sentence for each invariant that does not hold.</summary>
    Task<IReadOnlyList<string>> RunAsync(Draw draw);

    /// <summary>What must hold between cases, when none runs.</summary>
    Task<IReadOnlyList<string>> CheckAsync();
}

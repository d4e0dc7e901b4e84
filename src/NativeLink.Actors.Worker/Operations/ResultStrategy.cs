namespace NativeLink.Actors.Worker.Operations;

/// <summary>Which results are remembered (protos/README.md 4.8).</summary>
public enum ResultStrategy
{
    /// <summary>Exit code 0.</summary>
    SuccessOnly,
    /// <summary>Every other exit code; for historical records also a status that is not OK.</summary>
    FailuresOnly,
    /// <summary>Both.</summary>
    Everything,
    /// <summary>Nothing.</summary>
    Never,
}

namespace NativeLink.Actors.Worker.Operations;

/// <summary>Which results are remembered (wire contract 4.8).</summary>
public enum ResultStrategy
{
    SuccessOnly,
    FailuresOnly,
    Everything,
    Never,
}

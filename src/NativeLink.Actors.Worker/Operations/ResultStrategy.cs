namespace NativeLink.Actors.Worker.Operations;

/// <summary>Which results are remembered (protos/README.md 4.8).</summary>
public enum ResultStrategy
{
    SuccessOnly,
    FailuresOnly,
    Everything,
    Never,
}

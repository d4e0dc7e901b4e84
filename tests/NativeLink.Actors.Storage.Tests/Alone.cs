namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// Tests that count what the whole process holds or
/// allocates: they run with no other test beside them.
/// </summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

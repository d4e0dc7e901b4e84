namespace NativeLink.Actors.EndToEnd;

/// <summary>All tests that build with Bazel: one after the other, with one Bazel server.</summary>
[CollectionDefinition(nameof(BazelWorkspace))]
public sealed class OneBazel : ICollectionFixture<BazelWorkspace>;

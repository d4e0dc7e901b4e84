using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration;

/// <summary>What came of reading a file.</summary>
/// <param name="Model">Null when there is any error.</param>
/// <param name="Errors">Every mistake, in the order of the file.</param>
/// <param name="Notes">What its owner should know, in the order of the file.</param>
internal sealed record ConfigLoadResult(
    NativeLinkConfig? Model, ImmutableArray<ConfigError> Errors, ImmutableArray<ConfigNote> Notes);

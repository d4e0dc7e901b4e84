using System.Net;

namespace NativeLink.Actors.Cli.Admin;

/// <summary>Where this process says how it is, and who may tell it what to do.</summary>
internal sealed record StatusOptions
{
    /// <summary>Where it is looked for when nobody has said where.</summary>
    public static readonly IPEndPoint Usual = new(IPAddress.Loopback, 50071);

    /// <summary>Null: nowhere.</summary>
    public IPEndPoint? Listen { get; init; } = Usual;

    /// <summary>Whether somebody has named that address: then it is that one or none.</summary>
    public bool IsChosen { get; init; }

    /// <summary>What a request that changes anything has to know; null: none may.</summary>
    public string? Token { get; init; }
}

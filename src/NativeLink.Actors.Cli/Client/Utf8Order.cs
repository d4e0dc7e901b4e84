using System.Text;

namespace NativeLink.Actors.Cli.Client;

/// <summary>The order that REAPI asks for in every list: by the bytes of the UTF-8 text, which UTF-16 order is not.</summary>
public sealed class Utf8Order : IComparer<string>
{
    public static readonly Utf8Order Instance = new();

    public int Compare(string? x, string? y)
    {
        if (x is null || y is null)
            return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        return Encoding.UTF8.GetBytes(x).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y));
    }
}

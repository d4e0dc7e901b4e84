using System.Text;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>All draws of one action, from one seed.</summary>
internal sealed class Chance(int seed)
{
    private static readonly string[] Names =
    [
        "a", "b.txt", "lib", "src", "Makefile", " lead", "trail ", "-rf", "quo'te", "dou\"ble", "back\\slash",
        "new\nline", "tab\t", "ünïcödé", "日本語", "😀",
        "*", "?", "$HOME", "`id`", "%s%n", "#", "~", "...", ".hidden", "a:b,c=d", "semi;colon", "&", "|", ">", "\u0001",
        "\u007f", "é", "e\u0301", "[x]", "{y}",
        new('n', 255), new('é', 127), "CON", "a b  c", "\ufeffbom", "\u200b",
    ];

    private readonly Random _random = new(seed);

    public int Below(int bound) => _random.Next(bound);

    /// <summary>From 0 to 99 below a part of a hundred.</summary>
    public bool Percent(int part) => _random.Next(100) < part;

    public T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    /// <summary>Mostly odd, seldom the same twice in one directory.</summary>
    public string Name() => Percent(70) ? Pick(Names) : $"n{_random.Next(10_000)}";

    /// <summary>UTF-8 text without NUL, so that a shell's argument can carry it.</summary>
    public string Text(int most)
    {
        var text = new StringBuilder();
        for (var left = _random.Next(most + 1); left > 0; left--)
            text.Append(Percent(90)
                ? (char)_random.Next(32, 127)
                : Pick(["\n", "\t", "é", "日", "\u0007", "😀", "'", "\\"]));
        return text.ToString();
    }

    public byte[] Bytes(int most)
    {
        var bytes = new byte[_random.Next(most + 1)];
        _random.NextBytes(bytes);
        return bytes;
    }
}

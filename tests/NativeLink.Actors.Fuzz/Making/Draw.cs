namespace NativeLink.Actors.Fuzz.Making;

/// <summary>All draws of one case, from the run's seed and the case's number: a case can be run again alone.</summary>
internal sealed class Draw(int seed, int number)
{
    /// <summary>Names, paths and texts that have broken something somewhere.</summary>
    private static readonly string[] Texts =
    [
        "", ".", "..", "/", "//", "a/b", "../x", "../../../../canary/x", "/etc/passwd", "a/../../b", "a//b", "a/",
        "./a", "\0", "a\0b", "nul\0/x", new('x', 255), new('x', 256), new('é', 128),
        new('y', 300), new('z', 5000), "a", "A", "b", "out", "in", "dir", "dir/f", "link", "link/f", "up", "up/f",
        "abs", "abs/f", "loop", "loop/f", "f", "x", "-", "--", "*", "~", "\n", "=", "a=b",
        "\ufffd", "é", "e\u0301", "\u202e", "😀", "%n%s", "{0}", "$(id)", "CON", ".lock", ".scratch", "work", "../work",
        "stdout", "side_channel",
    ];

    private static readonly long[] Numbers =
    [
        0, 1, -1, 2, 255, 256, 4095, 4096, 65535, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue,
        long.MinValue, 1L << 40, 315_576_000_001, 253_402_300_800, -62_135_596_801, 999_999_999,
        1_000_000_000, 9_223_372_036, 9_223_372_037, -9_223_372_037,
    ];

    private readonly Random _random = new(unchecked((seed * 1_000_003) + number));

    public int Seed { get; } = seed;

    public int Number { get; } = number;

    public int Below(int bound) => _random.Next(bound);

    public bool Percent(int part) => _random.Next(100) < part;

    public T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    public string Text() => Percent(85) ? Pick(Texts) : Noise(40);

    public long Number64() => Percent(80) ? Pick(Numbers) : _random.NextInt64(long.MinValue, long.MaxValue);

    public int Number32() => unchecked((int)Number64());

    public uint NumberU32() => unchecked((uint)Number64());

    /// <summary>Any characters; no half surrogates, which no string of a message can hold.</summary>
    public string Noise(int most) =>
        string.Concat(Enumerable.Range(0, _random.Next(most + 1)).Select(_ => (char)_random.Next(0, 0xd800)));

    public byte[] Bytes(int most)
    {
        var bytes = new byte[_random.Next(most + 1)];
        _random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Some bytes changed, removed, added, repeated or cut off.</summary>
    public byte[] Mutate(byte[] bytes)
    {
        var result = bytes.ToList();
        for (var left = 1 + Below(4); left > 0; left--)
        {
            var at = Below(result.Count + 1);
            switch (Below(6))
            {
                case 0 when at < result.Count:
                    result[at] ^= (byte)(1 << Below(8));
                    break;
                case 1 when at < result.Count:
                    result[at] = Pick<byte>([0, 1, 0x7f, 0x80, 0xff, (byte)Below(256)]);
                    break;
                case 2:
                    result.InsertRange(at, Bytes(6));
                    break;
                case 3:
                    result.RemoveRange(at, Math.Min(Below(8), result.Count - at));
                    break;
                case 4:
                    result.InsertRange(at, result.GetRange(at, Math.Min(Below(40), result.Count - at)));
                    break;
                case 5 when Percent(30):
                    result.RemoveRange(at, result.Count - at);
                    break;
            }
        }
        return [.. result];
    }
}

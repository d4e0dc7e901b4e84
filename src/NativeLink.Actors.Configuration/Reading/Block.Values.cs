using System.Globalization;
using System.Numerics;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>
/// The kinds of values of protos/README.md 5.1. Each takes its default when the key is not written
/// or its value is a mistake.
/// </summary>
internal sealed partial class Block
{
    public string? TextOrNull(string keys, bool expand = true) =>
        Find(keys) is { } found ? _context.Text(found.Value, expand) : null;

    public string Text(string keys, string otherwise = "", bool expand = true) => TextOrNull(keys, expand) ?? otherwise;

    /// <returns>Empty after an error.</returns>
    public string RequiredText(string keys, bool expand = true) => RequiredTextOrNull(keys, expand) ?? "";

    /// <returns>Null after an error.</returns>
    public string? RequiredTextOrNull(string keys, bool expand = true) =>
        Required(keys) is { } found ? _context.Text(found.Value, expand) : null;

    /// <summary>A whole number, or a string that holds one.</summary>
    public long Number(string keys, long otherwise = 0, long least = 0, long most = long.MaxValue)
    {
        if (Find(keys) is not { } found)
            return otherwise;
        const string Expected = "a whole number, or a string that holds one";
        var value = found.Value is ScalarNode { Value: string text }
            ? NumberOf(found.Value, text)
            : Integer(found.Value);
        if (value is null)
        {
            Wrong(found.Value, Expected);
            return otherwise;
        }

        if (value >= least && value <= most)
            return value.Value;
        _context.Error(found.Value.At,
            $"is {value}, and has to be {(most == long.MaxValue ? $"{least} or more" : $"from {least} to {most}")}");
        return otherwise;
    }

    public int SmallNumber(string keys, int otherwise = 0, int least = 0) =>
        (int)Number(keys, otherwise, least, int.MaxValue);

    /// <summary>A number of bytes.</summary>
    public long Size(string keys, long otherwise = 0)
    {
        if (Find(keys) is not { } found)
            return otherwise;
        var value = found.Value is ScalarNode { Value: string text }
            ? _context.Expand(found.Value.At, text) is { } expanded ? SizeText.Parse(expanded) : otherwise
            : Integer(found.Value);
        if (value >= 0)
            return value.Value;
        Wrong(found.Value, SizeText.Expected);
        return otherwise;
    }

    /// <summary>Seconds, or with <paramref name="scale"/> another unit for plain numbers and texts alike.</summary>
    /// <param name="negativeIsOff">A negative number counts as zero.</param>
    /// <param name="zeroIsDefault">0 means the default.</param>
    public TimeSpan Duration(
        string keys, TimeSpan otherwise = default, bool negativeIsOff = false, bool zeroIsDefault = false,
        TimeSpan? scale = null)
    {
        if (Find(keys) is not { } found)
            return otherwise;
        var value = found.Value is ScalarNode { Value: string text }
            ? _context.Expand(found.Value.At, text) is { } expanded ? DurationText.ParseSeconds(expanded) : 0
            : Integer(found.Value);
        if (value < 0 && negativeIsOff)
            return TimeSpan.Zero;
        if (value is >= 0 and <= DurationText.LongestSeconds)
            return value == 0 && zeroIsDefault ? otherwise : value.Value * (scale ?? TimeSpan.FromSeconds(1));
        Wrong(found.Value, value > DurationText.LongestSeconds
            ? "a duration of no more than a hundred years"
            : DurationText.Expected);
        return otherwise;
    }

    public bool Flag(string keys, bool otherwise = false) => FlagOrNull(keys, texts: false) ?? otherwise;

    /// <summary>True or false, in places where a string may say so, in any letter case.</summary>
    public bool? FlagOrNull(string keys, bool texts = true)
    {
        if (Find(keys) is not { } found)
            return null;
        if (found.Value is ScalarNode { Value: bool value })
            return value;
        if (texts && found.Value is ScalarNode { Value: string text })
        {
            if (_context.Expand(found.Value.At, text) is not { } expanded)
                return null;
            if (bool.TryParse(expanded, out var parsed))
                return parsed;
        }

        Wrong(found.Value, texts ? "true or false, or one of them in quotes" : "true or false, without quotes");
        return null;
    }

    /// <summary>A number that may have a fraction.</summary>
    public double Fraction(string keys, double otherwise, double least = 0)
    {
        if (Find(keys) is not { } found)
            return otherwise;
        double? value = found.Value is ScalarNode { Value: var number }
            ? number switch { long whole => whole, double fraction => fraction, _ => null }
            : null;
        if (value >= least && value <= DurationText.LongestSeconds)
            return value.Value;
        Wrong(found.Value, $"a plain number, {least.ToString(CultureInfo.InvariantCulture)} or more, without quotes");
        return otherwise;
    }

    /// <summary>One of a few words.</summary>
    public T Choice<T>(string keys, T otherwise, params (string Word, T Value)[] choices) =>
        Find(keys) is { } found ? Choose(_context, found.Value, otherwise, choices) : otherwise;

    /// <inheritdoc cref="Choice{T}"/>
    public static T Choose<T>(ReadContext context, Node node, T otherwise, params (string Word, T Value)[] choices)
    {
        if (context.Text(node, expand: false) is not { } text)
            return otherwise;
        foreach (var (word, value) in choices)
        {
            if (word == text)
                return value;
        }

        var words = choices.Select(choice => choice.Word).ToList();
        context.Error(node.At,
            $"'{text}' is not known here{Nearest.Suggest(text, words)}: write one of {string.Join(", ", words)}");
        return otherwise;
    }

    private static long? Integer(Node node) => node is ScalarNode { Value: long value } ? value : null;

    private long? NumberOf(Node node, string text)
    {
        if (_context.Expand(node.At, text) is not { } expanded)
            return 0;
        return long.TryParse(expanded.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
            out var value) ? value : null;
    }

    private void Wrong(Node node, string expected)
    {
        var shown = node is ScalarNode { Value: { } value and not bool } ? $"'{Short(value)}'" : node.Described;
        _context.Error(node.At, $"{shown} is not understood: this has to be {expected}");
    }

    private static string Short(object value)
    {
        var text = value is BigInteger big
            ? big.ToString(CultureInfo.InvariantCulture)
            : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 57), "…");
    }
}

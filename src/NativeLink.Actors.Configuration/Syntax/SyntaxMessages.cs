using Newtonsoft.Json;

namespace NativeLink.Actors.Configuration.Syntax;

/// <summary>
/// Turns what the JSON reader says into what its user should do, with the forms of JSON5 that this
/// reader lacks named as such.
/// </summary>
internal static class SyntaxMessages
{
    public static SyntaxException Explain(SourceText source, JsonReaderException error)
    {
        var offset = source.OffsetOf(error.LineNumber, error.LinePosition);
        var badEscape = Says(error, "escape sequence");
        if (badEscape)
            offset = Math.Max(0, offset - 1);
        var message = badEscape ? Escape(source, offset) : Sentence(source, offset, error);
        var (line, column) = source.PositionOf(offset);
        return new SyntaxException(new ConfigError("(file)", line, column, message));
    }

    private static string Escape(SourceText source, int offset) => source[offset] is '\n' or '\r'
        ? "a string cannot be continued over a line end with a backslash here, although JSON5 has it: " +
            "write the string on one line"
        : $"the escape \\{Shown(source[offset])} is not read here: use \\\\ for a backslash, \\n, \\t, " +
            "\\\" or \\' as in JSON, or \\u and four hexadecimal digits";

    private static string Sentence(SourceText source, int offset, JsonReaderException error)
    {
        var at = source[offset];
        if (Says(error, "MaxDepth"))
            return "blocks are nested too deeply: no more than 64 levels are read";
        if (Says(error, "Unterminated string"))
            return "a string is not closed: its quote is missing";
        if (Says(error, "comment"))
            return "a comment is not closed, or is no comment: comments are // … to the end of the line and /* … */";
        if (Says(error, "Unexpected end") || offset >= source.Text.Length)
            return "the file ends in the middle of a value: something is missing at its end";
        if (Says(error, "Additional text"))
            return "there is text behind the end of the configuration: remove it, or the bracket that closes too early";
        if (Says(error, "After parsing a value"))
            return $"there is '{Shown(at)}' where a comma or a closing bracket has to be";
        if (Says(error, "property identifier"))
            return at == ','
                ? "there is one comma too many"
                : $"a key that has '{Shown(at)}' in it must stand in quotes";
        if (Says(error, "property name"))
            return "after a key comes ':' and then its value";
        return Value(at, error);
    }

    private static string Value(char at, JsonReaderException error) => at switch
    {
        '+' => "a number with a plus sign is not read here, although JSON5 has it: leave the sign out",
        '#' => "comments start with // or are enclosed in /* and */",
        _ when Says(error, "number") =>
            "this is no number that is read here: write digits, with '-' in front or a fraction if needed, " +
            "or 0x and hexadecimal digits without a sign",
        _ => "a value is expected here: a string in quotes, a number, true, false, null, a list or an object",
    };

    private static bool Says(JsonReaderException error, string text) =>
        error.Message.Contains(text, StringComparison.OrdinalIgnoreCase);

    private static string Shown(char c) => char.IsControl(c) ? $"U+{(int)c:X4}" : c.ToString();
}

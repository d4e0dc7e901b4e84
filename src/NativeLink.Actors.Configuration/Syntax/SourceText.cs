namespace NativeLink.Actors.Configuration.Syntax;

/// <summary>The text with its line starts, to turn the reader's positions into offsets and back.</summary>
internal sealed class SourceText
{
    private readonly List<int> _lineStarts = [0];

    public SourceText(string text)
    {
        Text = text;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
                _lineStarts.Add(i + 1);
        }
    }

    public string Text { get; }

    /// <summary>The character at the offset; NUL behind the end.</summary>
    public char this[int offset] => offset >= 0 && offset < Text.Length ? Text[offset] : '\0';

    /// <param name="line">From 1.</param>
    /// <param name="column">From 0.</param>
    public int OffsetOf(int line, int column) =>
        Math.Clamp(_lineStarts[Math.Clamp(line - 1, 0, _lineStarts.Count - 1)] + column, 0, Text.Length);

    /// <returns>Line and column, both from 1.</returns>
    public (int Line, int Column) PositionOf(int offset)
    {
        var index = _lineStarts.BinarySearch(offset);
        var line = index >= 0 ? index : ~index - 1;
        return (line + 1, offset - _lineStarts[line] + 1);
    }

    /// <summary>Where the next token starts: blanks, comments, commas and colons are passed over.</summary>
    public int NextToken(int offset)
    {
        while (offset < Text.Length)
        {
            if (char.IsWhiteSpace(Text[offset]) || Text[offset] is ',' or ':')
                offset++;
            else if (Text[offset] == '/' && this[offset + 1] == '/')
                offset = EndOr(Text.AsSpan(offset).IndexOfAny('\n', '\r'), offset, 1);
            else if (Text[offset] == '/' && this[offset + 1] == '*')
                offset = EndOr(Text.AsSpan(offset + 2).IndexOf("*/"), offset + 2, 2);
            else
                break;
        }

        return offset;
    }

    private int EndOr(int found, int from, int length) => found < 0 ? Text.Length : from + found + length;
}

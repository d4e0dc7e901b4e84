using System.Text;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>Splits a command line into words as a POSIX shell does: quotes and backslashes, no expansions.</summary>
internal static class ShellWords
{
    /// <exception cref="FormatException">A quote is not closed, a backslash ends the text, or there
    /// is no word at all.</exception>
    public static IReadOnlyList<string> Split(string text)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case ' ' or '\t' or '\n' or '\r':
                    Flush(words, ref word);
                    break;
                case '\'':
                    i = SingleQuoted(text, i + 1, word ??= new StringBuilder());
                    break;
                case '"':
                    i = DoubleQuoted(text, i + 1, word ??= new StringBuilder());
                    break;
                case '\\' when i + 1 >= text.Length:
                    throw new FormatException($"'{text}' ends with a backslash");
                case '\\':
                    i++;
                    if (text[i] != '\n')
                        (word ??= new StringBuilder()).Append(text[i]);
                    break;
                case '#' when word is null:
                    while (i < text.Length && text[i] != '\n')
                        i++;
                    break;
                default:
                    (word ??= new StringBuilder()).Append(text[i]);
                    break;
            }
        }
        Flush(words, ref word);
        return words.Count > 0 ? words : throw new FormatException("the command is empty");
    }

    private static void Flush(List<string> words, ref StringBuilder? word)
    {
        if (word is not null)
            words.Add(word.ToString());
        word = null;
    }

    private static int SingleQuoted(string text, int from, StringBuilder word)
    {
        var end = text.IndexOf('\'', from);
        if (end < 0)
            throw new FormatException($"'{text}' has a single quote that is not closed");
        word.Append(text, from, end - from);
        return end;
    }

    private static int DoubleQuoted(string text, int from, StringBuilder word)
    {
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] == '"')
                return i;
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] is '$' or '`' or '"' or '\\' or '\n')
            {
                i++;
                if (text[i] != '\n')
                    word.Append(text[i]);
                continue;
            }
            word.Append(text[i]);
        }
        throw new FormatException($"'{text}' has a double quote that is not closed");
    }
}

using System.Globalization;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>Names of executors: which operation, which attempt, as an actor's path may have them.</summary>
internal static class ActorNames
{
    private const int MaxOperationLetters = 100;

    /// <summary>
    /// <c>{operation}.{number}</c>; letters that no path may have are <c>-</c>, and a long id is
    /// cut: the number alone tells attempts apart.
    /// </summary>
    public static string Of(AttemptId attempt)
    {
        var id = attempt.Operation.Value;
        var operation = string.Create(Math.Min(id.Length, MaxOperationLetters), id, static (letters, text) =>
        {
            for (var i = 0; i < letters.Length; i++)
                letters[i] = char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '.' or ':' ? text[i] : '-';
        });
        return string.Create(CultureInfo.InvariantCulture, $"{operation}.{attempt.Number}");
    }
}

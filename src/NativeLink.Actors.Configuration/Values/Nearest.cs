namespace NativeLink.Actors.Configuration.Values;

/// <summary>Finds the word that was probably meant.</summary>
internal static class Nearest
{
    /// <returns>" (did you mean 'x'?)", or nothing when no candidate is near.</returns>
    public static string Suggest(string word, IEnumerable<string> candidates)
    {
        var best = candidates.Distinct().Select(candidate => (candidate, distance: Distance(word, candidate)))
            .OrderBy(pair => pair.distance).ThenBy(pair => pair.candidate, StringComparer.Ordinal).FirstOrDefault();
        return best.candidate is not null && best.distance < Math.Min(word.Length, best.candidate.Length)
            && best.distance <= Math.Max(2, Math.Max(word.Length, best.candidate.Length) / 3)
            ? $" (did you mean '{best.candidate}'?)"
            : "";
    }

    /// <summary>Levenshtein's distance, letter case ignored; words of absurd length are never near.</summary>
    private static int Distance(string left, string right)
    {
        if (left.Length > 100)
            return int.MaxValue;
        var previous = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var current = new int[right.Length + 1];
            current[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var same = char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]);
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + (same ? 0 : 1));
            }

            previous = current;
        }

        return previous[^1];
    }
}

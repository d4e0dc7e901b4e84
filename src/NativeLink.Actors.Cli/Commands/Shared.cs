using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cli.Hosting;

namespace NativeLink.Actors.Cli.Commands;

/// <summary>What several commands read alike.</summary>
internal static partial class Shared
{
    private const int MostWorkers = 1000;

    public static Option<string?> LogLevelOption() => new("--log-level")
    {
        Description = $"How much to log to stderr: {Logs.Names}. Default: the variable NL_LOG, else INFO.",
        HelpName = "LEVEL",
        Recursive = true,
    };

    /// <summary>An option that takes a whole number.</summary>
    public static Option<int?> NumberOption(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            var text = result.Tokens is [var token] ? token.Value : "";
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                return number;
            result.AddError($"{name} {text}: write a whole number");
            return null;
        },
    };

    /// <summary>An option that takes a path.</summary>
    public static Option<string?> PathOption(string name, string kind, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = kind };
        option.Validators.Add(result => RefuseEmpty(result, name));
        return option;
    }

    /// <summary>An argument that is a path.</summary>
    public static Argument<string?> PathArgument(string name, string description, ArgumentArity arity)
    {
        var argument = new Argument<string?>(name) { Description = description, Arity = arity };
        argument.Validators.Add(result => RefuseEmpty(result, name));
        return argument;
    }

    /// <summary>
    /// How many workers there may be: more is a slip of the
    /// finger, and ends the machine's memory before it is seen.
    /// </summary>
    /// <exception cref="UsageException">More, or fewer than <paramref name="least"/>.</exception>
    public static int? Workers(int? count, int least)
    {
        if (count < least)
            throw new UsageException(
                $"--workers {count}: " + (least == 0 ? "0 or more are possible" : $"at least {least} is needed"));
        return count <= MostWorkers || count is null
            ? count
            : throw new UsageException($"--workers {count}: at most {MostWorkers} are possible");
    }

    private static void RefuseEmpty(SymbolResult result, string name)
    {
        if (result.Tokens is [{ Value: "" }])
            result.AddError($"{name}: the path is empty; a variable that is not set, perhaps");
    }

    /// <exception cref="UsageException">No such level.</exception>
    public static LogLevel Level(string? option, LogLevel otherwise) =>
        Logs.ChooseLevel(option, OwnEnvironment.Get("NL_LOG"), OwnEnvironment.Get("RUST_LOG"), otherwise);

    /// <summary>Reads <c>NAME=VALUE</c> pairs; a later one replaces an earlier one.</summary>
    /// <exception cref="UsageException">A pair has no name or no equals sign.</exception>
    public static IEnumerable<KeyValuePair<string, string>> Pairs(string option, IEnumerable<string> texts)
    {
        foreach (var text in texts)
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
                throw new UsageException($"{option} {text}: write NAME=VALUE");
            yield return new(text[..at], text[(at + 1)..]);
        }
    }

    /// <summary>
    /// Reads <c>NAME=VALUE</c> pairs that can be headers
    /// of a gRPC call; names are told in lower case.
    /// </summary>
    /// <exception cref="UsageException">A pair is none, or cannot be sent.</exception>
    public static IEnumerable<KeyValuePair<string, string>> Headers(string option, IEnumerable<string> texts)
    {
        foreach (var (name, value) in Pairs(option, texts))
        {
            var key = name.ToLowerInvariant();
            // What gRPC itself sends, and what would need bytes, is not for a text.
            if (!HeaderName().IsMatch(key) || key is "user-agent" || key.StartsWith("grpc-", StringComparison.Ordinal)
                || key.EndsWith("-bin", StringComparison.Ordinal))
                throw new UsageException(
                    $"{option} {name}: no name of a header; letters, digits, '-', '_' and '.', " +
                    "and neither user-agent nor grpc-… nor …-bin");
            if (value.Any(letter => letter is < ' ' or > '~'))
                throw new UsageException(
                    $"{option} {name}: its value holds what is not printable ASCII, which no header can carry");
            yield return new(key, value);
        }
    }

    [GeneratedRegex("^[0-9a-z_.-]+$")]
    private static partial Regex HeaderName();
}

using System.CommandLine;
using System.CommandLine.Parsing;

namespace NativeLink.Actors.Cli.Commands;

/// <summary>
/// What the parser takes for something that it cannot be: an option for a file or a command, and
/// words of the worker's before a command of another.
/// </summary>
internal static class Misplaced
{
    /// <returns>What to say; null when there is nothing.</returns>
    public static string? Find(ParseResult parsed, string[] args)
    {
        var command = parsed.CommandResult.Command;
        if (UnknownOption(parsed, command, args) is { } unknown)
        {
            const string OfExec = "; what belongs to the command stands after --: exec [options] -- COMMAND";
            return $"unknown option '{unknown}'{(command.Name == "exec" ? OfExec : "")}";
        }
        if (command is RootCommand || parsed.RootCommandResult.Command is not { } root)
            return null;
        foreach (var argument in root.Arguments)
        {
            if (parsed.GetResult(argument) is { Tokens: [var token, ..] })
                return $"'{token.Value}' stands before '{command.Name}', " +
                    $"where no file belongs{(command.Name == "local" ? ": write local --config FILE" : "")}";
        }
        foreach (var option in root.Options.Where(option => !option.Recursive))
        {
            if (parsed.GetResult(option) is { Implicit: false, IdentifierToken: { } token })
                return $"'{token.Value}' stands before '{command.Name}', where it has no effect: write it behind, " +
                    $"if '{command.Name}' knows it";
        }
        return null;
    }

    private static string? UnknownOption(ParseResult parsed, Command command, string[] args)
    {
        var dashes = Array.IndexOf(args, "--");
        var behind = dashes < 0 ? 0 : args.Length - dashes - 1;
        foreach (var argument in command.Arguments)
        {
            if (parsed.GetResult(argument) is { } result
                && result.Tokens.SkipLast(behind).FirstOrDefault(IsOption) is { } token)
                return token.Value;
        }
        return parsed.UnmatchedTokens.SkipLast(behind).FirstOrDefault(text => text.Length > 1 && text[0] == '-');
    }

    private static bool IsOption(Token token) => token.Value.Length > 1 && token.Value[0] == '-';
}

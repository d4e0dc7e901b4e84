using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// Arguments and variables are bytes, and REAPI's messages and this
/// program's files carry UTF-8: others were replaced by a sign for
/// them before anybody here saw them, and would mean something else.
/// </summary>
internal static class OwnText
{
    private const char Replaced = '\uFFFD';

    /// <summary>What is wrong with the first argument that is not UTF-8; null when all are.</summary>
    public static string? WhyNotArguments(IEnumerable<string> arguments)
    {
        if (!arguments.Any(argument => argument.Contains(Replaced)))
            return null;
        var wrong = Parts("/proc/self/cmdline").FirstOrDefault(part => !Utf8.IsValid(part.Span));
        return wrong.IsEmpty
            ? null
            : $"the argument '{Shown(wrong.Span)}' is not UTF-8, and nothing else can be sent or named: " +
                "write it in UTF-8";
    }

    /// <exception cref="UsageException">The variable is not UTF-8.</exception>
    public static string? CheckVariable(string name, string? value)
    {
        if (value?.Contains(Replaced) != true)
            return value;
        var start = Encoding.UTF8.GetBytes(name + "=");
        return Parts("/proc/self/environ")
            .FirstOrDefault(part => part.Span.StartsWith(start)) is { IsEmpty: false } part && !Utf8.IsValid(part.Span)
            ? throw new UsageException($"the variable {Shown(part.Span)} is not UTF-8: write it in UTF-8")
            : value;
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Parts(string path)
    {
        var bytes = File.ReadAllBytes(path);
        for (var at = 0; at < bytes.Length;)
        {
            var length = Array.IndexOf(bytes, (byte)0, at) is >= 0 and var end ? end - at : bytes.Length - at;
            yield return bytes.AsMemory(at, length);
            at += length + 1;
        }
    }

    private static string Shown(ReadOnlySpan<byte> bytes)
    {
        var shown = new StringBuilder();
        foreach (var one in bytes[..Math.Min(bytes.Length, 80)])
            shown.Append(one is >= 0x20 and < 0x7f
                ? ((char)one).ToString()
                : string.Create(CultureInfo.InvariantCulture, $"\\x{one:x2}"));
        return shown.Append(bytes.Length > 80 ? "…" : "").ToString();
    }
}

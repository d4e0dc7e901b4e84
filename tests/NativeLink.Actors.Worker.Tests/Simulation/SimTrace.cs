using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Akka.Actor;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// What happened in a simulation, a line each with its virtual time. Everything happens on the thread that began it:
/// what is told from another one has left the dispatchers, and comes when the machine likes.
/// </summary>
internal sealed partial class SimTrace : IExtension
{
    private readonly List<string> _lines = [];
    private readonly Dictionary<string, string> _names = [];
    private readonly Dictionary<string, int> _counts = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;

    public IScheduler? Clock { get; set; }

    public DateTimeOffset Start { get; set; }

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>From where something came on another thread.</summary>
    public ConcurrentQueue<string> Strays { get; } = new();

    public string Sha256 =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', _lines))));

    public void Add(string line)
    {
        if (Environment.CurrentManagedThreadId != _thread)
            Strays.Enqueue($"{line}\n{Environment.StackTrace}");
        var at = Clock is null ? 0 : (Clock.Now - Start).TotalMilliseconds;
        lock (_lines)
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{at:0.0000} {Own(line)}"));
    }

    /// <summary>
    /// Attempts and stream supervisors by the names that they have in every run: their numbers count on in a process.
    /// </summary>
    public string Own(string text) => Numbered().Replace(text, match =>
    {
        if (!_names.TryGetValue(match.Value, out var name))
        {
            var of = match.Groups[1].Value;
            var count = _counts[of] = _counts.GetValueOrDefault(of) + 1;
            _names.Add(match.Value, name = string.Create(CultureInfo.InvariantCulture, $"{of}#{count}"));
        }
        return name;
    });

    [GeneratedRegex(@"\b(op-\d+(?=\.)|StreamSupervisor)[.-]\d+\b")]
    private static partial Regex Numbered();
}

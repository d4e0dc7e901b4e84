using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace NativeLink.Actors.Simulation.World;

/// <summary>
/// What happened in a simulation, a line each with its virtual time. Everything happens on the thread that began it:
/// what is told from another one has left the dispatchers, and comes when the machine likes.
/// </summary>
/// <param name="clock">Says when.</param>
/// <param name="lines">Where the lines go as well; null: only their hash is kept.</param>
internal sealed partial class SimTrace(SimClock clock, TextWriter? lines) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Dictionary<string, string> _names = [];
    private readonly Dictionary<string, int> _counts = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;

    private string? _sha256;

    /// <summary>How many lines there are so far.</summary>
    public long Count { get; private set; }

    /// <summary>From where something came on another thread.</summary>
    public ConcurrentQueue<string> Strays { get; } = new();

    /// <summary>Of all lines so far.</summary>
    public string Sha256 => _sha256 ?? Convert.ToHexStringLower(_hash.GetCurrentHash());

    public void Add(string line)
    {
        // An actor system ends after its run, on any thread; an error here would be told to its log, and come back.
        if (_sha256 is not null)
            return;
        if (Environment.CurrentManagedThreadId != _thread)
        {
            Strays.Enqueue($"{line}\n{Environment.StackTrace}");
            return;
        }
        var told = string.Create(CultureInfo.InvariantCulture,
            $"{clock.Elapsed.TotalMilliseconds:0.0000} {Own(line)}\n");
        _hash.AppendData(Encoding.UTF8.GetBytes(told));
        Count++;
        lines?.Write(told);
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

    /// <summary>No more comes.</summary>
    public void Dispose()
    {
        _sha256 = Sha256;
        _hash.Dispose();
    }

    [GeneratedRegex(@"\b(op-\d+(?=\.)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\.)|StreamSupervisor)[.-]\d+\b")]
    private static partial Regex Numbered();
}

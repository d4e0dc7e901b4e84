using System.Collections.Immutable;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// The properties that a worker announces (protos/README.md 3.2 and 5.3): fixed values, and the
/// lines that commands print, asked at each connect.
/// </summary>
internal sealed class PlatformProperties(
    ConnectionOptions options, ExecutorOptions actions, IProcessLauncher launcher, string scratchDirectory,
    TimeSpan timeout)
{
    private const long MaxOutputBytes = 1 << 20;

    /// <summary>
    /// One entry a value, in the order of the configuration. What
    /// commands write to stderr goes to <paramref name="warn"/>.
    /// </summary>
    /// <exception cref="FaultException">Worker: a command cannot be parsed or run, fails, or does
    /// not end; names the property.</exception>
    public async Task<ImmutableArray<KeyValuePair<string, string>>> ResolveAsync(
        Action<string> warn, CancellationToken cancellation)
    {
        var properties = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (var source in options.PlatformProperties)
        {
            IEnumerable<string> values = source.QueryCommand is { } command
                ? await QueryAsync(source.Name, command, warn, cancellation)
                : source.Values;
            properties.AddRange(values.Select(value => KeyValuePair.Create(source.Name, value)));
        }
        return properties.ToImmutable();
    }

    private async Task<IReadOnlyList<string>> QueryAsync(
        string name, string command, Action<string> warn, CancellationToken cancellation)
    {
        var scratch = Path.Combine(scratchDirectory, $"query-{Guid.NewGuid():N}");
        var (stdout, stderr) = ($"{scratch}.stdout", $"{scratch}.stderr");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            var plan = new ProcessPlan(Words(name, command), QueryEnvironment(), Environment.CurrentDirectory, stdout,
                stderr);
            var report = await launcher.RunAsync(plan, limit.Token);
            var complaint = ScriptOutputs.Text(stderr);
            if (report.Aborted)
                throw Failed(name, command, $"did not end within {timeout.TotalSeconds:0} s");
            if (report.ExitCode != 0)
                throw Failed(name, command,
                    $"ended with exit code {report.ExitCode}{(complaint.Length > 0 ? ": " + complaint : "")}");
            if (complaint.Length > 0)
                warn($"query_cmd of property '{name}' wrote to stderr: {complaint}");
            if (!File.Exists(stdout)) return []; // What prints nothing leaves no file.
            return new FileInfo(stdout).Length <= MaxOutputBytes
                ? [.. (await File.ReadAllLinesAsync(stdout, cancellation)).Select(line => line.Trim())
                    .Where(line => line.Length > 0)]
                : throw Failed(name, command, $"printed more than {MaxOutputBytes} bytes");
        }
        finally
        {
            ScriptOutputs.Delete(stdout);
            ScriptOutputs.Delete(stderr);
        }
    }

    private List<KeyValuePair<string, string>> QueryEnvironment() =>
    [
        .. actions.AdditionalEnvironment
            .Where(entry => entry.Source is EnvironmentSource.Value or EnvironmentSource.FromEnvironment)
            .Select(entry => KeyValuePair.Create(entry.Name, ActionPlan.FixedValue(entry, actions, []))),
    ];

    private static IReadOnlyList<string> Words(string name, string command)
    {
        try
        {
            return ShellWords.Split(command);
        }
        catch (FormatException error)
        {
            var fault = new Fault(FaultKind.Worker,
                $"query_cmd of property '{name}': {error.Message}; correct the worker's configuration");
            throw new FaultException(fault with { Code = Grpc.Core.StatusCode.InvalidArgument }, error);
        }
    }

    private static FaultException Failed(string name, string command, string how) =>
        new(FaultKind.Worker,
            $"query_cmd of property '{name}' ({command}) {how}; the worker cannot register before it succeeds");
}

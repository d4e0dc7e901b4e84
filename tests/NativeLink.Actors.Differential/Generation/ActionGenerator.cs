using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Differential.Model;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>Draws one action and works out, on a model of the disk alone, what must come of it.</summary>
internal sealed class ActionGenerator
{
    private static readonly (string Name, int Number)[] Signals = [("KILL", 9), ("TERM", 15), ("ABRT", 6), ("SEGV", 11),
        ("HUP", 1), ("INT", 2)];

    private readonly Chance _chance;
    private readonly int _number;
    private readonly bool _modesCount;
    private readonly Disk _disk;
    private readonly Steps _steps;
    private readonly List<string> _outputs = [];
    private string _workingDirectory = "";

    private ActionGenerator(int seed, int number)
    {
        (_chance, _number) = (new Chance(seed ^ (number * 7919)), number);
        _modesCount = _chance.Percent(15);
        _disk = new Disk(new InputGenerator(_chance).Tree());
        _steps = new Steps(_disk);
    }

    public static IReadOnlyList<GeneratedAction> Generate(int seed, int count) =>
        [.. Enumerable.Range(0, count).Select(number => new ActionGenerator(seed, number).Generate())];

    /// <summary>
    /// The longest that an action of this kind may take; so short that a timeout can be waited for,
    /// and nothing else depends on it.
    /// </summary>
    public static Duration? Timeout(Ending ending) =>
        ending == Ending.Timeout ? new Duration { Nanos = 700_000_000 } : null;

    private GeneratedAction Generate()
    {
        var ending = (_number % 50) switch
        {
            7 => Ending.MissingInput,
            17 => Ending.RefusedPath,
            27 => Ending.NoProgram,
            37 when _number % 100 == 37 => Ending.Timeout,
            _ => _chance.Percent(8) ? Ending.Signal : Ending.Exit,
        };
        if (ending == Ending.MissingInput)
            _disk.Set("missing", new FileItem(Encoding.UTF8.GetBytes($"nobody has this: {_number} {_chance.Text(100)}"),
                0x124, own: false));
        var input = _disk.Root.Copy();
        ChooseWorkingDirectory();
        ChooseOutputs();
        MakeParents();
        if (ending is Ending.Exit or Ending.Signal)
            Act();
        if (ending == Ending.RefusedPath)
            _outputs.Add(
                _chance.Pick(["/etc/passwd", "../" + string.Concat(Enumerable.Repeat("../", Depth(_workingDirectory)))
                    + "x", "nul\0x", "a/../../../../../../x"]));
        var (last, exitCode) = End(ending);
        var variable = _chance.Text(50);
        if (ending is Ending.Exit or Ending.Signal)
            _steps.Print(variable, error: false);
        var command = new Reapi.Command
        {
            WorkingDirectory = _workingDirectory,
            EnvironmentVariables = { Variable("PATH", "/usr/bin:/bin"), Variable("ODD", variable) },
        };
        command.Arguments.AddRange(ending == Ending.NoProgram
            ? ["./no such program", "x"]
            : ["/bin/sh", "-c", Script(last, variable)]);
        Declare(command);
        return new GeneratedAction(_number, input)
        {
            Command = command,
            Ending = ending,
            ExitCode = exitCode,
            After = _disk,
            Stdout = _steps.Stdout,
            Stderr = _steps.Stderr,
        };
    }

    private static Reapi.Command.Types.EnvironmentVariable Variable(string name, string value) => new()
    {
        Name = name,
        Value = value,
    };

    private string Script(string last, string variable)
    {
        var up = string.Concat(Enumerable.Repeat("../", Depth(_workingDirectory)));
        // The last thing that was noted for stdout is printed by the script from its environment.
        var script = _steps.Script.Replace($"printf %s {Steps.Quote(variable)}\n", "printf %s \"$ODD\"\n",
            StringComparison.Ordinal);
        return (up.Length > 0 ? $"cd {up}\n" : "") + "set -e\n" + script + last;
    }

    private (string Line, int ExitCode) End(Ending ending)
    {
        switch (ending)
        {
            case Ending.Signal:
                var (name, number) = _chance.Pick(Signals);
                return ($"kill -{name} $$; exec sleep 600\n", 128 + number);
            case Ending.Timeout:
                return ("exec sleep 600\n", 137);
            case Ending.NoProgram:
                return ("", 127);
            default:
                var code = _chance.Percent(60) ? 0 : 1 + _chance.Below(255);
                return (string.Create(CultureInfo.InvariantCulture, $"exit {code}\n"), code);
        }
    }

    private void ChooseWorkingDirectory()
    {
        if (_chance.Percent(60))
            return;
        if (_chance.Percent(25))
        {
            _workingDirectory = "made for/the outputs";
            _outputs.Add(_chance.Name());
            return;
        }
        _workingDirectory = _chance.Pick([.. _disk.Directories()]).Path;
    }

    private void ChooseOutputs()
    {
        for (var left = _chance.Below(6); left > 0; left--)
        {
            var path = _chance.Below(8) switch
            {
                0 when _disk.Root.Entries.Count > 0 => _chance.Pick([.. _disk.All()]).Path,
                1 => Disk.Join(_chance.Pick([.. _disk.Directories()]).Path, _chance.Name()),
                2 => ThroughLink(),
                3 => _chance.Percent(30) ? _workingDirectory : "out put/" + _chance.Name(),
                4 => $"out put/deep/er/{_chance.Name()}",
                _ => "out put/" + _chance.Name(),
            };
            if (_chance.Percent(90) || _outputs.Count == 0)
                _outputs.Add(FromWorkingDirectory(path));
            else
                _outputs.Add(_chance.Pick(_outputs));
        }
    }

    /// <summary>A new name in a directory that is reached through a link of the input tree.</summary>
    private string ThroughLink()
    {
        var links = _disk.All().Where(entry => entry.Node is LinkItem { Target: not "./." }
            && _disk.Resolve(entry.Path, followLast: true) is { Node: DirectoryItem }).ToList();
        return links.Count > 0 ? Disk.Join(_chance.Pick(links).Path, _chance.Name()) : "out put/" + _chance.Name();
    }

    private string FromWorkingDirectory(string path)
    {
        if (_workingDirectory.Length == 0)
            return path;
        if (path == _workingDirectory)
            return "";
        return path.StartsWith(_workingDirectory + "/", StringComparison.Ordinal)
            ? path[(_workingDirectory.Length + 1)..]
            : string.Concat(Enumerable.Repeat("../", Depth(_workingDirectory))) + path;
    }

    private string InRoot(string output)
    {
        var parts = _workingDirectory.Split('/', StringSplitOptions.RemoveEmptyEntries).ToList();
        foreach (var part in output.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
                parts.RemoveAt(parts.Count - 1);
            else
                parts.Add(part);
        }
        return string.Join('/', parts);
    }

    /// <summary>
    /// protos/README.md 4.2, step 8. They exist before
    /// the process starts, with the worker's own umask.
    /// </summary>
    private void MakeParents()
    {
        foreach (var output in _outputs.Select(InRoot))
        {
            var slash = output.LastIndexOf('/');
            if (slash > 0 && _disk.Resolve(output[..slash], followLast: true) is null)
                _disk.MakeDirectories(output[..slash], 0x1FF & ~Umask.Own);
        }
    }

    private void Act()
    {
        if (_chance.Percent(40))
            _steps.List();
        var actions = new ActionSteps(_chance, _steps, _modesCount);
        for (var left = _chance.Below(5); left > 0; left--)
            actions.ChangeSomething();
        foreach (var output in _outputs)
            actions.MakeOutput(InRoot(output));
        actions.Talk();
    }

    private void Declare(Reapi.Command command)
    {
        if (_modesCount)
            command.OutputNodeProperties.Add("unix_mode");
        command.OutputDirectoryFormat = _chance.Percent(70)
            ? Reapi.Command.Types.OutputDirectoryFormat.TreeOnly
            : _chance.Pick([Reapi.Command.Types.OutputDirectoryFormat.DirectoryOnly,
                Reapi.Command.Types.OutputDirectoryFormat.TreeAndDirectory]);
        if (_chance.Percent(75))
        {
            command.OutputPaths.AddRange(_outputs);
            return;
        }
#pragma warning disable CS0612 // What older clients send.
        foreach (var output in _outputs)
            (_chance.Percent(50) ? command.OutputFiles : command.OutputDirectories).Add(output);
#pragma warning restore CS0612
    }

    private static int Depth(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries).Length;
}

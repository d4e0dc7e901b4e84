using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.Fuzz.Making;

/// <summary>
/// Commands and actions around programs that do no harm
/// whatever their arguments are: /bin/true and /bin/echo.
/// </summary>
internal sealed class Commands(Draw draw, Trees trees)
{
    public Reapi.Command Good() => new() { Arguments = { draw.Pick(["/bin/true", "/bin/echo", "true", "echo"]) } };

    public Reapi.Command Hostile()
    {
        var command = Good();
        for (var left = draw.Below(4); left > 0; left--)
            command.Arguments.Add(draw.Percent(5)
                ? new string('a', draw.Pick([1_000, 200_000, 3_000_000]))
                : draw.Text());
        // A first argument that is no program.
        if (draw.Percent(15))
            command.Arguments[0] = draw.Pick(["", "/", ".", "..", "f", "./f", "dir", "no such program", "\0", "./up/x",
                "loop", new string('p', 5_000), "/etc/passwd"]);
        if (draw.Percent(5))
            command.Arguments.Clear();
        for (var left = draw.Below(4); left > 0; left--)
            command.EnvironmentVariables.Add(new Reapi.Command.Types.EnvironmentVariable
            {
                Name = draw.Text(),
                Value = draw.Text(),
            });
        if (draw.Percent(30))
            command.WorkingDirectory = draw.Text();
        AddOutputs(command);
        for (var left = draw.Below(3); left > 0; left--)
            command.OutputNodeProperties.Add(draw.Pick(["mtime", "unix_mode", "x", ""]));
        command.OutputDirectoryFormat = (Reapi.Command.Types.OutputDirectoryFormat)draw.Pick(
            [0, 1, 2, 3, -1, int.MaxValue]);
        return command;
    }

    public Reapi.Action Action(Reapi.Command command, Reapi.Digest root) => new()
    {
        CommandDigest = trees.Put(command),
        InputRootDigest = root,
    };

    public Reapi.Action Hostile(Reapi.Action action)
    {
        if (draw.Percent(40))
            action.CommandDigest = trees.Broken(action.CommandDigest);
        if (draw.Percent(40))
            action.InputRootDigest = trees.Broken(action.InputRootDigest);
        if (draw.Percent(50))
            action.Timeout = new Duration
            {
                Seconds = draw.Percent(50) ? 1 + draw.Below(100) : draw.Number64(),
                Nanos = draw.Number32(),
            };
        action.DoNotCache = draw.Percent(50);
        action.Salt = Google.Protobuf.ByteString.CopyFrom(draw.Bytes(20));
        action.Platform = Platform();
        return action;
    }

    public Reapi.Platform Platform()
    {
        var platform = new Reapi.Platform();
        for (var left = draw.Below(4); left > 0; left--)
            platform.Properties.Add(new Reapi.Platform.Types.Property { Name = draw.Text(), Value = draw.Text() });
        return platform;
    }

    private void AddOutputs(Reapi.Command command)
    {
#pragma warning disable CS0612 // What older clients send.
        var list = draw.Pick(
            [command.OutputPaths, command.OutputPaths, command.OutputFiles, command.OutputDirectories]);
#pragma warning restore CS0612
        for (var left = draw.Below(5); left > 0; left--)
            list.Add(draw.Percent(70) ? draw.Text() : $"{draw.Text()}/{draw.Text()}");
        if (draw.Percent(2))
            list.AddRange(Enumerable.Range(0, 20_000).Select(i => $"made/{i}"));
    }
}

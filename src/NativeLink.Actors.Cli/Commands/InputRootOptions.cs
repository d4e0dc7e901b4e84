using System.CommandLine;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Cli.Commands;

/// <summary>
/// The switches for how input roots are made. They are no keys of the file: NativeLink refuses a file with a key that it does not know, and the same
/// file has to serve both.
/// </summary>
internal sealed class InputRootOptions
{
    private readonly Option<string?> _materialiser = new Option<string?>("--materialiser")
    {
        Description = "How to make input roots, instead of the fastest safe way that works here. hardlink lets an action change the store's files; what it changed is found out after its run.",
        HelpName = "overlay|reflink|hardlink|copy",
    }.AcceptOnlyFromAmong("overlay", "reflink", "hardlink", "copy");

    private readonly Option<string?> _memory = new("--scratch-memory")
    {
        Description = "Memory for what running actions write, on overlays; when it is used up, further actions write to disk. 0: always to disk. Default: a quarter of the machine's.",
        HelpName = "SIZE",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_materialiser);
        command.Options.Add(_memory);
    }

    /// <exception cref="UsageException">No such size.</exception>
    public InputRootSwitches Read(ParseResult result)
    {
        var memory = result.GetValue(_memory);
        long? bytes = memory is null ? null : SizeText.Parse(memory) ?? throw new UsageException($"--scratch-memory {memory}: write {SizeText.Expected}");
        return new InputRootSwitches(result.GetValue(_materialiser), bytes);
    }
}

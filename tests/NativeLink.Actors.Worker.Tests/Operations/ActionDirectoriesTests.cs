using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Tests.Operations.Actions;

namespace NativeLink.Actors.Worker.Tests.Operations;

/// <summary>What an attempt has on disk stays as long as somebody works in it.</summary>
public sealed class ActionDirectoriesTests : IDisposable
{
    private readonly TempDirectory _work = new();
    private readonly WorkDirectory _owner;
    private readonly ActionDirectories _directories;

    public ActionDirectoriesTests()
    {
        _owner = WorkDirectory.Open(_work.Path);
        _directories = new ActionDirectories(_owner);
    }

    public void Dispose()
    {
        _owner.Dispose();
        _work.Dispose();
    }

    [Fact]
    public async Task A_directory_that_is_given_up_while_a_process_is_in_it_goes_when_that_has_left()
    {
        var directory = _directories.New(Attempt);
        var root = (PlainRoot)await directory.Staging.StageAsync(static path =>
        {
            Directory.CreateDirectory(path);
            return Task.FromResult<Storage.Materialisers.IInputRoot>(new PlainRoot(path));
        });
        var (first, second) = (directory.Enter(), directory.Enter());

        directory.Dispose();
        Assert.Null(first());
        Assert.True(Directory.Exists(directory.Path));
        Assert.False(root.Disposed);

        second()!();
        Assert.False(Directory.Exists(directory.Path));
        Assert.True(root.Disposed);
    }

    [Fact]
    public void A_directory_that_was_given_up_cannot_be_entered()
    {
        var directory = _directories.New(Attempt);
        directory.Dispose();

        Assert.Equal(FaultKind.Aborted, Assert.Throws<FaultException>(() => { directory.Enter(); }).Fault.Kind);
    }

    [Fact]
    public void What_a_script_said_is_gone_when_it_has_been_taken()
    {
        var directory = _directories.New(Attempt);
        File.WriteAllText(directory.ScriptStdoutPath, "said");

        Assert.Equal("said", directory.TakeScript().Stdout);
        Assert.False(File.Exists(directory.ScriptStdoutPath));
    }
}

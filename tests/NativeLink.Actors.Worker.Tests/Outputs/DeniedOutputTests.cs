using System.Runtime.InteropServices;
using NativeLink.Actors.Worker.Outputs;

namespace NativeLink.Actors.Worker.Tests.Outputs;

/// <summary>
/// What may not be looked at, or cannot be for want
/// of something: never a success without the output.
/// </summary>
public sealed partial class DeniedOutputTests : OutputSpec
{
    private const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    [Fact]
    public async Task NL_029_A_target_that_cannot_be_read_is_left_out_and_never_fails_the_action()
    {
        await File.WriteAllTextAsync(Path.Combine(Outside, "closed"), "secret");
        Directory.CreateDirectory(Path.Combine(Outside, "part/shut"));
        Write("d/f", "x");
        foreach (var name in (string[])["closed", "part", "part/shut/x"])
        {
            Link($"d/{name.Replace('/', '-')}", Path.Combine(Outside, name));
            Link(name.Replace('/', '-'), Path.Combine(Outside, name));
        }
        File.SetUnixFileMode(Path.Combine(Outside, "closed"), UnixFileMode.None);
        File.SetUnixFileMode(Path.Combine(Outside, "part/shut"), UnixFileMode.None);
        var found = AsAnOrdinaryUser(
            () => OutputScanner.Scan(new NativeFiles(), Plan(Outputs("d", "closed", "part", "part-shut-x"))));
        File.SetUnixFileMode(Path.Combine(Outside, "part/shut"), Open);
        Assert.Empty(found.Files);
        var directory = Assert.Single(found.Directories).Directory;
        Assert.Equal(["f"], directory.Files.Select(file => file.Name));
        Assert.Equal((0, 0), (directory.Links.Count, directory.Directories.Count));
        Assert.Equal(6, found.LeftOut.Count);
    }

    [Theory]
    [InlineData("shut", "shut/in/f")]
    [InlineData("shut", "shut/in")]
    [InlineData("shut", "shut/nothing")]
    [InlineData("shut", "shut")]
    [InlineData("d/shut", "d")]
    [InlineData("d/mute", "d")]
    [InlineData("d/mute", "d/mute")]
    public void What_the_action_closed_is_its_own_fault_never_a_success_without_the_output(string closed, string output)
    {
        Write("shut/in/f", "x");
        Write("d/shut/f", "x");
        Write("d/mute", "x");
        var mode = File.GetUnixFileMode(Path.Combine(Root, closed));
        File.SetUnixFileMode(Path.Combine(Root, closed), UnixFileMode.None);
        var error = Assert.Throws<FaultException>(() => AsAnOrdinaryUser(() =>
        {
            var found = OutputScanner.Scan(new NativeFiles(), Plan(Outputs(output)));
            foreach (var file in found.AllFiles)
                FileHashing.HashAllAsync(new NativeFiles(), [file], Function, null!, CancellationToken.None)
                    .GetAwaiter().GetResult();
            return found;
        }));
        File.SetUnixFileMode(Path.Combine(Root, closed), mode);
        Assert.Equal(FaultKind.Action, error.Fault.Kind);
        Assert.Contains("ermission denied", error.Fault.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("d")]
    [InlineData("d/e/f")]
    [InlineData("l")]
    public void Without_a_descriptor_it_is_the_workers_fault_and_not_a_missing_output(string output)
    {
        Write("d/e/f", "x");
        Link("l", Path.Combine(Root, "d"));
        var plan = Plan(Outputs(output));
        FaultException? fault = null;
        var taken = 0;
        OnAThreadOfItsOwn(() =>
        {
            // The thread's own table of descriptors: nobody else runs short.
            Assert.Equal(0, Unshare(0x400));
            while (Duplicate(1) >= 0)
                taken++;
            // One is left for the root.
            for (var free = 0; free < 2 && fault is null; free++)
            {
                try
                {
                    OutputScanner.Scan(new NativeFiles(), plan);
                }
                catch (FaultException error)
                {
                    fault = error;
                }
            }
        });
        Assert.True(taken > 0);
        Assert.Equal(FaultKind.Worker, fault!.Fault.Kind);
        Assert.Contains("oo many open files", fault.Fault.Detail, StringComparison.Ordinal);
    }

    /// <summary>Root looks with the rights of nobody: setfsuid(2) is a thread's own.</summary>
    private T AsAnOrdinaryUser<T>(Func<T> look)
    {
        if (!Environment.IsPrivilegedProcess)
            return look();
        File.SetUnixFileMode(Path.GetDirectoryName(Outside)!, Open);
        T result = default!;
        OnAThreadOfItsOwn(() =>
        {
            _ = SetFileUser(65534);
            result = look();
        });
        return result;
    }

    private static void OnAThreadOfItsOwn(Action work)
    {
        Exception? failed = null;
        var thread = new Thread(() =>
        {
            try
            {
                work();
            }
            catch (Exception error)
            {
                failed = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failed is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileUser(uint user);

    [LibraryImport("libc", EntryPoint = "unshare")]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);
}

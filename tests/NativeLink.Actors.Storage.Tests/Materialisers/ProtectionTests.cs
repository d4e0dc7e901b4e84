using System.Diagnostics;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>
/// The protection of the store where a process of its own
/// is needed: on another file system, as another user.
/// </summary>
public sealed class ProtectionTests : IDisposable
{
    private readonly TempDirectory _temp = new();

    public void Dispose() => _temp.Dispose();

    [SkippableFact]
    public void Reflinks_on_xfs_cannot_be_spoiled_not_even_by_root()
    {
        var mount = _temp.At("xfs");
        Directory.CreateDirectory(mount);
        // Root alone may mount it, and not everywhere is there a loop device.
        Skip.IfNot(Environment.IsPrivilegedProcess, "an ordinary user may not mount xfs");
        Shell.RunOrSkip($"truncate -s 400M image && mkfs.xfs -q -m reflink=1 image && mount -o loop image {mount}",
            _temp.Path);
        try
        {
            Assert.Equal((0, "reflink held\n"), Run([], AppContext.BaseDirectory, "reflink", mount));
        }
        finally
        {
            Shell.Run($"umount {mount}", "/");
        }
    }

    [Fact]
    public void Copies_cannot_be_spoiled_by_the_stores_own_user()
    {
        var (program, own, become) = (AppContext.BaseDirectory, _temp.At("own"), Array.Empty<string>());
        Directory.CreateDirectory(own);
        if (Environment.IsPrivilegedProcess)
        {
            // That user may not reach the directory of the build.
            program = _temp.At("bin") + "/";
            Assert.Equal((0, ""), Shell.Run(
                $"cp -r {AppContext.BaseDirectory} bin && chmod -R go+rX . && chown 1000:1000 own", _temp.Path));
            become = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
        }
        Assert.Equal((0, "copy held\n"), Run(become, program, "copy", own));
    }

    private static (int ExitCode, string Output) Run(
        string[] become, string program, string materialiser, string directory)
    {
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";
        string[] command = [.. become, "env", $"TMPDIR={directory}", $"HOME={directory}", dotnet,
            Path.Combine(program, Path.GetFileName(typeof(Program).Assembly.Location)), "protect", materialiser];
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(60_000));
        return (process.ExitCode, output + errors.Result);
    }
}

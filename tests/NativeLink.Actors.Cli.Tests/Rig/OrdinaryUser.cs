using System.Diagnostics;

namespace NativeLink.Actors.Cli.Tests.Rig;

/// <summary>
/// The real program as an ordinary user runs it: uid 1000 when the tests are root's, else who runs
/// them; with a directory that is that user's.
/// </summary>
internal sealed class OrdinaryUser : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly string[] _become;

    public OrdinaryUser()
    {
        Program = System.IO.Path.Combine(AppContext.BaseDirectory, "nativelink-actors");
        Directory.CreateDirectory(At(""));
        _become = [];
        if (!Environment.IsPrivilegedProcess)
            return;
        // That user may not reach the directory of the build.
        Run("cp", "-r", AppContext.BaseDirectory, _directory.At("bin"));
        Run("chmod", "-R", "go+rX", _directory.Path);
        Run("chown", "1000:1000", At(""));
        Program = _directory.At("bin/nativelink-actors");
        _become = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    }

    /// <summary>The program's path.</summary>
    public string Program { get; }

    /// <summary>A path in the user's directory.</summary>
    public string At(string name) => _directory.At("own/" + name);

    /// <summary>A command line that runs <paramref name="command"/> as the user.</summary>
    public string[] Command(params string[] command) =>
        [.. _become, "env", "HOME=" + At(""), "TMPDIR=" + At(""), .. command];

    /// <summary>Whether this machine lets the user make a user and a mount namespace.</summary>
    public bool MayMakeNamespaces() =>
        Run(Command("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "true")) == 0;

    public void Dispose() => _directory.Dispose();

    private static int Run(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardError = true,
        })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}

using System.Runtime.InteropServices;
using Grpc.Core;
using NativeLink.Actors.Worker.Stores;

namespace NativeLink.Actors.Worker.Tests.Outputs;

/// <summary>The table of protos/README.md 4.6, and what must never be an output.</summary>
public sealed partial class OutputKindsTests : OutputSpec
{
    [Fact]
    public async Task NL_016_NL_018_Files_and_logs_have_the_digests_that_NativeLink_gives_them_and_are_in_the_CAS()
    {
        Write("some_cwd/test.txt", "123 ");
        WriteSpools("foo-stdout ", "bar-stderr  ");
        var result = await UploadAsync(new Reapi.Command
        {
            WorkingDirectory = "some_cwd",
            OutputPaths = { "test.txt" },
        });
        var file = Assert.Single(result.OutputFiles);
        Assert.Equal(("test.txt", false), (file.Path, file.IsExecutable));
        Assert.Equal(("c69e10a5f54f4e28e33897fbd4f8701595443fa8c3004aeaa20dd4d9a463483b", 4),
            (file.Digest.Hash, file.Digest.SizeBytes));
        Assert.Equal("15019a676f057d97d1ad3af86f3cc1e623cb33b18ff28422bbe3248d2471cc94", result.StdoutDigest.Hash);
        Assert.Equal("2375ab8a01ca11e1ea7606dfb58756c153d49733cde1dbfb5a1e00f39afacf06", result.StderrDigest.Hash);
        Assert.Equal(("123 ", "foo-stdout ", "bar-stderr  "),
            (TextOf(file.Digest), TextOf(result.StdoutDigest), TextOf(result.StderrDigest)));
    }

    [Fact]
    public async Task NL_017_Known_contents_have_their_known_blake3_hashes()
    {
        Function = DigestFunction.Blake3;
        Write("some_cwd/test.txt", "123 ");
        WriteSpools("foo-stdout ", "bar-stderr  ");
        var result = await UploadAsync(new Reapi.Command
        {
            WorkingDirectory = "some_cwd",
            OutputPaths = { "test.txt" },
        });
        Assert.Equal("3f488ba478fc6716c756922c9f34ebd7e84b85c3e03e33e22e7a3736cafdc6d8",
            Assert.Single(result.OutputFiles).Digest.Hash);
        Assert.Equal("af1720193ae81515067a3ef39f0dfda3ad54a1a9d216e55d32fe5c1e178c6a7d", result.StdoutDigest.Hash);
        Assert.Equal("65e0abbae32a3aedaf040b654c6f02ace03c7690c17a8415a90fc2ec9c809a16", result.StderrDigest.Hash);
        Assert.Equal("123 ", TextOf(result.OutputFiles[0].Digest));
    }

    [Fact]
    public async Task NL_021_NL_030_What_is_not_there_is_left_out_and_nothing_is_uploaded_for_empty_logs()
    {
        WriteSpools("", "");
        var result = await UploadAsync(Outputs("missing", "no/such/directory", "a/../b"));
        Assert.Equal(0, Server.TotalCalls);
        Assert.Empty(result.OutputFiles);
        Assert.Empty(result.OutputDirectories);
        Assert.Empty(result.OutputSymlinks);
        Assert.Equal(Digest.Empty(DigestFunction.Sha256).ToWire(), result.StdoutDigest);
        Assert.Equal(Digest.Empty(DigestFunction.Sha256).ToWire(), result.StderrDigest);
    }

    [SkippableFact]
    public async Task A_file_that_the_CAS_can_never_take_is_refused_before_it_is_hashed()
    {
        const long Size = 1L << 43;
        Skip.If(Store.LargestThatFits >= Size, "the disk is larger than the test's file");
        using (var hole = File.Create(Path.Combine(Root, "hole")))
            hole.SetLength(Size);
        var error = await Assert.ThrowsAsync<FaultException>(
            () => UploadAsync(Outputs("hole"), uploader: Uploader(new StoreCasClient(Store))));
        Assert.Equal((FaultKind.Action, StatusCode.InvalidArgument), (error.Fault.Kind, error.Fault.Code));
        Assert.Contains("'hole' is a file of 8796093022208 bytes", error.Fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_that_were_never_made_count_as_empty() =>
        Assert.Equal(Digest.Empty(DigestFunction.Sha256).ToWire(), (await UploadAsync(Outputs())).StderrDigest);

    [Fact]
    public async Task Executables_and_empty_files_are_told_and_the_lists_are_sorted_by_path_as_bytes()
    {
        Write("b", "b", executable: true);
        Write("a", "a");
        Write("c");
        Write("\U0001F600", "x");
        Write("\uFFFD", "y");
        var result = await UploadAsync(Outputs("c", "\U0001F600", "b", "\uFFFD", "a", "a"));
        Assert.Equal(["a", "b", "c", "\uFFFD", "\U0001F600"], result.OutputFiles.Select(file => file.Path));
        Assert.Equal([false, true, false, false, false], result.OutputFiles.Select(file => file.IsExecutable));
    }

    [Fact]
    public async Task NL_024_NL_027_NL_028_Relative_symlinks_stay_links_in_the_legacy_lists_and_in_the_new_one()
    {
        Write("f", "x");
        Write("d/g", "y");
        Link("lf", "f");
        Link("ld", "d");
        Link("dangling", "nowhere");
        Link("itself", "itself");
        Link("through", "f/x");
        var result = await UploadAsync(Outputs("lf", "ld", "dangling", "itself", "through"));
#pragma warning disable CS0612 // Deprecated in REAPI, and the lists that NativeLink's scheduler reads.
        Assert.Equal([("dangling", "nowhere"), ("itself", "itself"), ("lf", "f"), ("through", "f/x")],
            result.OutputFileSymlinks.Select(link => (link.Path, link.Target)));
        Assert.Equal([("ld", "d")], result.OutputDirectorySymlinks.Select(link => (link.Path, link.Target)));
#pragma warning restore CS0612
        Assert.Equal(["dangling", "itself", "ld", "lf", "through"], result.OutputSymlinks.Select(link => link.Path));
        Assert.Empty(result.OutputFiles);
    }

    [Fact]
    public async Task NL_024_NL_025_NL_029_NL_043_Absolute_symlinks_are_followed_and_their_targets_left_alone()
    {
        var target = Path.Combine(Outside, "target");
        await File.WriteAllTextAsync(target, "hello-from-outside");
        File.SetUnixFileMode(target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(Outside, "other"), "in a directory");
        Link("file", target);
        Link("directory", Outside);
        Link("null", "/dev/null");
        Link("dangling", "/no/such/file");
        FillsStore = true;
        var result = await UploadAsync(Outputs("file", "directory", "null", "dangling"), movable: true);
        Assert.Equal([("file", 18, true), ("null", 0, false)],
            result.OutputFiles.Select(file => (file.Path, (int)file.Digest.SizeBytes, file.IsExecutable)));
        Assert.Equal("hello-from-outside", TextOf(result.OutputFiles[0].Digest));
        Assert.Equal(
            ["other", "target"], TreeOf(Assert.Single(result.OutputDirectories)).Root.Files.Select(file => file.Name));
        Assert.Empty(result.OutputSymlinks);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(target));
        Assert.Equal("hello-from-outside", await File.ReadAllTextAsync(target));
        Assert.Equal(target, new FileInfo(Path.Combine(Root, "file")).LinkTarget);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NL_031_A_fifo_is_an_internal_fault_also_behind_an_absolute_link(bool linked)
    {
        Assert.Equal(0, MakeFifo(Path.Combine(Root, "p"), 0x1a4));
        if (linked)
            Link("l", Path.Combine(Root, "p"));
        var error = await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs(linked ? "l" : "p")));
        Assert.Equal((FaultKind.Worker, StatusCode.Internal), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.Contains($"'{(linked ? "l" : "p")}'", error.Fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_045_An_output_beside_the_working_directory_keeps_its_path_as_given()
    {
        Write("wd/in", "1");
        Write("out.txt", "2");
        var result = await UploadAsync(new Reapi.Command
        {
            WorkingDirectory = "wd",
            OutputPaths = { "in", "../out.txt", "./in", "in/" },
        });
        Assert.Equal(["../out.txt", "./in", "in", "in/"], result.OutputFiles.Select(file => file.Path));
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../outside/f")]
    [InlineData("d/../../outside/f")]
    [InlineData("../wd/../../x")]
    public async Task NL_044_A_path_that_leads_out_of_the_root_is_the_actions_fault(string path)
    {
        Write("wd/in", "1");
        var error = await Assert.ThrowsAsync<FaultException>(
            () => UploadAsync(new Reapi.Command
            {
                WorkingDirectory = path.StartsWith("../wd", StringComparison.Ordinal)
                ? "wd"
                : "",
                OutputPaths = { path }
            }));
        Assert.Equal(FaultKind.Action, error.Fault.Kind);
        Assert.Contains(path, error.Fault.Detail, StringComparison.Ordinal);
        Assert.Equal(0, Server.TotalCalls);
    }

    [Fact]
    public async Task NL_044_A_linked_directory_never_leads_out_of_the_root()
    {
        await File.WriteAllTextAsync(Path.Combine(Outside, "secret"), "secret");
        Link("absolute", Outside);
        Link("relative", "../../outside");
        Link("inside", "real");
        Link("inside-absolute", Path.Combine(Root, "real"));
        Write("real/f", "ok");
        var result = await UploadAsync(
            Outputs("absolute/secret", "relative/secret", "inside/f", "inside-absolute/f", "relative"));
        Assert.Equal(["inside-absolute/f", "inside/f"], result.OutputFiles.Select(file => file.Path));
        Assert.Equal(["relative"], result.OutputSymlinks.Select(link => link.Path));
        Assert.DoesNotContain(Server.Blobs.Values, blob => System.Text.Encoding.UTF8.GetString(blob) == "secret");
    }

    [Fact]
    public async Task Legacy_lists_count_when_there_are_no_output_paths_and_what_is_there_decides_the_kind()
    {
        Write("f", "1");
        Write("d/g", "2");
#pragma warning disable CS0612 // Deprecated in REAPI, but older clients send these lists.
        var legacy = new Reapi.Command { OutputFiles = { "f", "d" }, OutputDirectories = { "d", "f", "gone" } };
        var both = new Reapi.Command { OutputPaths = { "f" }, OutputDirectories = { "d" } };
#pragma warning restore CS0612
        var result = await UploadAsync(legacy);
        Assert.Equal(["f"], result.OutputFiles.Select(file => file.Path));
        Assert.Equal(["d"], result.OutputDirectories.Select(directory => directory.Path));
        Assert.Empty((await UploadAsync(both)).OutputDirectories);
    }

    [Fact]
    public async Task Times_and_modes_are_told_when_the_command_asks_for_them()
    {
        Write("d/f", "x");
        Write("f", "y");
        Link("l", "f");
        File.SetUnixFileMode(Path.Combine(Root, "f"), (UnixFileMode)0x1a0);
        File.SetLastWriteTimeUtc(Path.Combine(Root, "f"), DateTime.UnixEpoch.AddSeconds(42).AddTicks(5));
        var command = Outputs("d", "f", "l");
        Assert.Null((await UploadAsync(command)).OutputFiles[0].NodeProperties);
        command.OutputNodeProperties.AddRange(["mtime", "unix_mode", "something else"]);
        var result = await UploadAsync(command);
        var properties = result.OutputFiles[0].NodeProperties;
        Assert.Equal((42, 500, 0x1a0u), (properties.Mtime.Seconds, properties.Mtime.Nanos, properties.UnixMode!.Value));
        Assert.NotNull(result.OutputSymlinks[0].NodeProperties.Mtime);
        var tree = TreeOf(result.OutputDirectories[0]);
        Assert.Equal(0x1a4u, tree.Root.Files[0].NodeProperties.UnixMode);
        Assert.NotNull(tree.Root.NodeProperties.Mtime);
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);
}

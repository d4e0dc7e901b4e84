using NativeLink.Actors.Cli.Hosting;

namespace NativeLink.Actors.Cli.Tests.Hosting;

/// <summary>What a switch says holds with a file and without one.</summary>
public sealed class LocalPlanTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Keep_for_and_its_default_hold(bool withFile)
    {
        var file = _directory.At("cluster.json5");
        File.WriteAllText(file, $$"""
            {
              stores: [
                { name: "AC", filesystem: { content_path: "{{_directory.At("ac")}}", temp_path: "{{_directory.At("ac-temp")}}" } },
                { name: "CAS", filesystem: { content_path: "{{_directory.At("cas")}}", temp_path: "{{_directory.At("cas-temp")}}" } },
              ],
              servers: [ { listener: { http: { socket_address: "127.0.0.1:50051" } }, services: { cas: [{ cas_store: "CAS" }], ac: [{ ac_store: "AC" }] } } ],
            }
            """);
        var switches = new LocalSwitches(_directory.At("data")) { ConfigFile = withFile ? file : null };
        Assert.Equal(TimeSpan.FromMinutes(30), LocalPlan.Make(switches).Cluster.KeepFor);
        Assert.Equal(TimeSpan.FromMinutes(7), LocalPlan.Make(switches with
        {
            KeepFor = TimeSpan.FromMinutes(7),
        }).Cluster.KeepFor);
    }

    public void Dispose() => _directory.Dispose();
}

using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

internal static class Uploads
{
    /// <summary>
    /// Asks until the server has received so many bytes
    /// of an upload; that is the only event it offers.
    /// </summary>
    public static async Task WaitForAsync(RunningCluster cluster, string name, long received)
    {
        var end = DateTime.UtcNow.AddSeconds(20);
        while ((await cluster.Bytes.StatusAsync(name)).CommittedSize != received)
            Assert.True(DateTime.UtcNow < end, $"{received} bytes of {name} did not arrive");
    }
}

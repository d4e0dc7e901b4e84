using Microsoft.AspNetCore.Builder;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>When a call last began or ended. Thread-safe.</summary>
internal sealed class LastCall(TimeProvider time)
{
    private long _at = time.GetTimestamp();

    public TimeSpan Ago => time.GetElapsedTime(Interlocked.Read(ref _at));

    /// <summary>Notes every call of a server from here on.</summary>
    public void Watch(IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        Note();
        try
        {
            await next(context);
        }
        finally
        {
            Note();
        }
    });

    private void Note() => Interlocked.Exchange(ref _at, time.GetTimestamp());
}

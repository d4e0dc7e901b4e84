using System.IO.Pipelines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Connections;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Connections;

/// <summary>
/// The bound on the first message, without a server: a
/// context is another call's after the one that had it.
/// </summary>
public sealed class FirstMessageTests
{
    private readonly FakeTimeProvider _time = new(RunningCluster.Start);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_has_ended_without_a_message_is_not_aborted_later(bool fails)
    {
        var call = new CallWithoutMessage();
        var running = RunAsync(call, async context =>
        {
            _ = context.Request.BodyReader.ReadAsync().AsTask();
            await Task.Yield();
            if (fails)
                throw new BadHttpRequestException("the message is above the limit");
        });
        if (fails)
            await Assert.ThrowsAsync<BadHttpRequestException>(() => running);
        else
            await running;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, call.Aborts);
    }

    [Fact]
    public async Task A_call_whose_context_is_gone_when_the_time_is_over_harms_nobody()
    {
        var call = new CallWithoutMessage { IsGone = true };
        using var end = new CancellationTokenSource();
        var running = RunAsync(call, async context =>
        {
            _ = context.Request.BodyReader.ReadAsync().AsTask();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, end.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, call.Aborts);
        await end.CancelAsync();
        await running;
    }

    private async Task RunAsync(CallWithoutMessage call, RequestDelegate serve)
    {
        await using var services = new ServiceCollection().BuildServiceProvider();
        var app = new ApplicationBuilder(services);
        app.UseFirstMessageBound(_time);
        app.Run(serve);
        var context = new DefaultHttpContext();
        context.Features.Set<IRequestBodyPipeFeature>(call);
        context.Features.Set<IHttpRequestLifetimeFeature>(call);
        await app.Build()(context);
    }

    private sealed class CallWithoutMessage : IRequestBodyPipeFeature, IHttpRequestLifetimeFeature
    {
        private readonly Pipe _pipe = new();

        public PipeReader Reader => _pipe.Reader;

        public CancellationToken RequestAborted { get; set; }

        public bool IsGone { get; init; }

        public int Aborts { get; private set; }

        public void Abort()
        {
            Aborts++;
            ObjectDisposedException.ThrowIf(IsGone, this);
        }
    }
}

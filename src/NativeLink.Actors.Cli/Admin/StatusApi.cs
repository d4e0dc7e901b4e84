using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Cli.Admin;

/// <summary>
/// <c>GET /healthz</c>: this process works. <c>GET /readyz</c>: one of its workers takes actions.
/// <c>GET /api/workers</c>: what each does. <c>POST /api/drain</c>, <c>/api/pause</c> and
/// <c>/api/resume</c>, the last two with <c>worker=NAME</c> for one alone, need the token:
/// <c>Authorization: Bearer TOKEN</c>.
/// </summary>
internal static class StatusApi
{
    private const string Scheme = "Bearer ";
    private const int LongestReason = 500;

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(6);

    public static void Map(IEndpointRouteBuilder routes, IStatusSource source, string? token, TimeProvider time)
    {
        routes.MapGet("/healthz", async () => await WorkersAsync() is { } workers
            ? Text(workers, StatusCodes.Status200OK)
            : Results.Text("the workers do not answer\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        routes.MapGet("/readyz", async () => await WorkersAsync() is { } workers
            ? Text(workers, IsReady(workers) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable)
            : Results.Text("the workers do not answer\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        routes.MapGet("/api/workers", async () => await WorkersAsync() is { } workers
            ? Results.Json(workers.Select(Describe))
            : Results.StatusCode(StatusCodes.Status503ServiceUnavailable));
        routes.MapPost("/api/drain", request => ChangeAsync(request, source.Drain));
        routes.MapPost("/api/pause", request => ChangeAsync(request, () => source.Pause(
            Worker(request), Reason(request))));
        routes.MapPost("/api/resume", request => ChangeAsync(request, () => source.Resume(Worker(request))));

        async Task<ImmutableArray<WorkerState>?> WorkersAsync()
        {
            try
            {
                return await source.WorkersAsync().WaitAsync(AnswerWithin, time);
            }
            catch (Exception error) when (error is TimeoutException or TaskCanceledException)
            {
                return null;
            }
        }

        bool IsReady(ImmutableArray<WorkerState> workers) => workers.IsEmpty
            ? source.ServesWithoutWorkers
            : workers.Any(static worker => worker.Phase == WorkerPhase.Serving);

        async Task ChangeAsync(HttpContext request, Action change)
        {
            if (WhyNot(request, token) is { } refusal)
            {
                request.Response.StatusCode = token is null
                    ? StatusCodes.Status403Forbidden
                    : StatusCodes.Status401Unauthorized;
                await request.Response.WriteAsync(refusal + "\n");
                return;
            }
            if (request.Request.Query.ContainsKey("worker") && Worker(request) is null)
            {
                request.Response.StatusCode = StatusCodes.Status400BadRequest;
                await request.Response.WriteAsync("worker=NAME: one name belongs there; without it all are meant\n");
                return;
            }
            if (Worker(request) is { } named && await WorkersAsync() is var workers
                && workers?.Any(worker => worker.Name == named) != true)
            {
                if (workers is null)
                {
                    request.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                    return;
                }
                request.Response.StatusCode = StatusCodes.Status404NotFound;
                await request.Response.WriteAsync($"no worker here is called '{named}'; GET /api/workers lists them\n");
                return;
            }
            change();
            request.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    private static string? WhyNot(HttpContext request, string? token)
    {
        if (token is null)
            return "this needs a token, and none is set: NLA_STATUS_TOKEN, or status_token in the --settings file";
        var given = request.Request.Headers.Authorization.ToString();
        // Compared in the same time wherever they differ.
        return given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(
                SHA256.HashData(Encoding.UTF8.GetBytes(given[Scheme.Length..])),
                SHA256.HashData(Encoding.UTF8.GetBytes(token)))
            ? null
            : "the token is missing or not the right one: Authorization: Bearer TOKEN";
    }

    private static string? Worker(HttpContext request) => request.Request.Query["worker"] is [{ Length: > 0 } name]
        ? name
        : null;

    private static string Reason(HttpContext request)
    {
        var reason = request.Request.Query["reason"].ToString();
        // It goes into a line of the log.
        var line = new string([.. reason.Where(static letter => !IsUnseen(letter)).Take(LongestReason)]);
        return line.Length > 0 ? line : "by hand";
    }

    private static bool IsUnseen(char letter) => char.GetUnicodeCategory(letter) is UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate;

    private static IResult Text(ImmutableArray<WorkerState> workers, int status)
    {
        var text = new StringBuilder();
        foreach (var worker in workers)
        {
            text.Append(worker.Name).Append(": ").Append(worker.Phase.Label());
            if (worker.Reason.Length > 0)
                text.Append(" (").Append(worker.Reason).Append(')');
            text.Append('\n');
        }
        return Results.Text(text.Length == 0 ? "no workers in this process\n" : text.ToString(), statusCode: status);
    }

    private static object Describe(WorkerState worker) => new
    {
        name = worker.Name,
        scheduler = worker.Scheduler.ToString(),
        phase = worker.Phase.Label(),
        id = worker.Id.Value ?? "",
        reason = worker.Reason,
        since = worker.Since,
    };
}

namespace NativeLink.Actors.Testing;

/// <summary>
/// Waits for what has no event to wait for: files and processes of others, and what a part counts without telling. The
/// one place where a test looks again after some milliseconds; how long that takes fails no test below the bound.
/// </summary>
public static class Eventually
{
    /// <summary>
    /// Far more than a slow machine under load needs for what is waited for here, and less than what is to be ended
    /// would take by itself: tests let it sleep for a minute.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);

    /// <param name="what">What is waited for, in words.</param>
    /// <exception cref="TimeoutException">The condition did not come to hold; with those words.</exception>
    public static Task HoldsAsync(Func<bool> condition, string what) =>
        HoldsAsync(condition, () => $"it is not so that {what}");

    /// <param name="otherwise">Says what is so instead, asked when the time is over.</param>
    /// <exception cref="TimeoutException">The condition did not come to hold; with that text.</exception>
    public static Task HoldsAsync(Func<bool> condition, Func<string> otherwise) =>
        HoldsAsync(() => Task.FromResult(condition()), otherwise);

    /// <inheritdoc cref="HoldsAsync(Func{bool}, string)"/>
    public static Task HoldsAsync(Func<Task<bool>> condition, string what) =>
        HoldsAsync(condition, () => $"it is not so that {what}");

    private static async Task HoldsAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            if (limit.IsCancellationRequested)
                throw new TimeoutException($"after {Patience.TotalSeconds} s: {otherwise()}");
            await Task.Delay(Step, TimeProvider.System);
        }
    }
}

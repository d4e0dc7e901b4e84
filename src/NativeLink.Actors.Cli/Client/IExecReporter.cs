namespace NativeLink.Actors.Cli.Client;

/// <summary>Shows how an execution goes on. Everything goes to stderr: stdout belongs to the action.</summary>
internal interface IExecReporter
{
    /// <summary>One step, in words.</summary>
    void Step(string text);

    /// <summary>Runs the work while whatever moves on the screen moves; steps may come from other threads.</summary>
    Task<T> FollowAsync<T>(Func<Task<T>> work);

    /// <summary>The stages with their times, at the end.</summary>
    void Stages(IReadOnlyList<(string Stage, TimeSpan Time, string Note)> stages);
}

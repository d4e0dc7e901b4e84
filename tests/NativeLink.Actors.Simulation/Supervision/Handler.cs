using System.Reflection;
using Akka.Actor;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>A state of an actor, and a kind of message that it handles there.</summary>
/// <param name="Actor">Its class.</param>
/// <param name="State">The method that is the state.</param>
/// <param name="Message">A class, or what several have in common.</param>
internal sealed record Handler(Type Actor, string State, Type Message)
{
    public override string ToString() => $"{Actor.Name}.{State} <- {Message.Name}";

    /// <summary>
    /// All that an actor's code handles: its states are the methods that
    /// it becomes, their messages those that they, and what they call, ask
    /// for. Nothing of it is written down, so nothing new can be left out.
    /// </summary>
    public static IReadOnlyList<Handler> AllOf(Type actor) =>
        [.. StatesOf(actor).SelectMany(state => state.Value.Select(message => new Handler(actor, state.Key, message)))];

    /// <summary>
    /// By state the messages, in the order in which they
    /// are asked for: the first that fits handles one.
    /// </summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<Type>> StatesOf(Type actor) =>
        actor.IsAssignableTo(typeof(ReceiveActor)) ? OfReceiveActor(actor) : OfUntypedActor(actor);

    private static Dictionary<string, IReadOnlyList<Type>> OfUntypedActor(Type actor)
    {
        var states = Code.MethodsOf(actor).SelectMany(Code.Pointers).Where(method => IsHandler(method, actor))
            .DistinctBy(static method => method.Name).ToDictionary(static method => method.Name, method =>
                (IReadOnlyList<Type>)[.. Asked(method, actor, []).Distinct()]);
        var first = Method(actor, "OnReceive");
        // One that is begun in another state than it names has become that one before it hears anything.
        var forwards = Code.Calls(first).FirstOrDefault(method => IsHandler(method, actor));
        if (forwards is null || Code.TypesAsked(first).Any())
            states.Add(first.Name, [.. Asked(first, actor, []).Distinct()]);
        else if (!states.ContainsKey(forwards.Name))
            states.Add(forwards.Name, [.. Asked(forwards, actor, []).Distinct()]);
        return states;
    }

    private static IEnumerable<Type> Asked(MethodBase handler, Type actor, HashSet<string> seen)
    {
        if (!seen.Add(handler.Name))
            return [];
        // In the order of the code, but that what a handler is left to comes last anyhow: it is its default.
        return Code.TypesAsked(handler).Concat(Code.Calls(handler).Where(method => TakesMessage(method, actor))
            .SelectMany(method => Asked(method, actor, seen)));
    }

    private static bool IsHandler(MethodBase method, Type actor) =>
        TakesMessage(method, actor) && method is MethodInfo { ReturnType: var answers } && answers == typeof(void);

    private static bool TakesMessage(MethodBase method, Type actor) =>
        method.DeclaringType == actor && method.GetParameters() is [{ ParameterType: var type }]
        && type == typeof(object);

    private static Dictionary<string, IReadOnlyList<Type>> OfReceiveActor(Type actor)
    {
        var states = Code.MethodsOf(actor).Concat(Code.MethodsOf(actor.BaseType!)).SelectMany(Code.Pointers)
            .Where(method => method.GetParameters().Length == 0 && Received(method, actor).Any())
            .DistinctBy(static method => method.Name)
            .ToDictionary(static method => method.Name, method =>
                (IReadOnlyList<Type>)[.. Received(method, actor).Distinct()]);
        if (states.Count == 0)
            states.Add(".ctor", [.. Received(actor.GetConstructors(Code.All).Single(), actor).Distinct()]);
        return states;
    }

    private static IEnumerable<Type> Received(MethodBase configure, Type actor)
    {
        foreach (var called in Code.Calls(configure))
        {
            if (called is { Name: "Receive", IsGenericMethod: true } && called.DeclaringType == typeof(ReceiveActor))
                yield return called.GetGenericArguments()[0];
            else if (called is { Name: "ReceiveAny" } && called.DeclaringType == typeof(ReceiveActor))
                yield return typeof(object);
            else if (called.DeclaringType!.IsAssignableFrom(actor) && called.DeclaringType.Assembly == actor.Assembly
                && called.GetParameters().Length == 0 && called is MethodInfo)
            {
                foreach (var type in Received(Method(actor, called.Name), actor))
                    yield return type;
            }
        }
    }

    private static MethodInfo Method(Type actor, string name)
    {
        for (var type = actor; type is not null; type = type.BaseType)
        {
            if (type.GetMethod(name, Code.All | BindingFlags.DeclaredOnly) is { } method)
                return method;
        }
        throw new MissingMethodException(actor.Name, name);
    }
}

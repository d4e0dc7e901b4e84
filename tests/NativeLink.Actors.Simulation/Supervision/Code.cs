using System.Reflection;
using System.Reflection.Emit;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>What compiled methods call and ask for, in the order of their code.</summary>
internal static class Code
{
    public const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public
        | BindingFlags.NonPublic;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static).Select(static field => (OpCode)field.GetValue(null)!)
        .ToDictionary(static code => code.Value);

    /// <summary>Those that a class itself has, its constructors too.</summary>
    public static IEnumerable<MethodBase> MethodsOf(Type type) =>
    [
        .. type.GetMethods(All | BindingFlags.DeclaredOnly), .. type.GetConstructors(All | BindingFlags.DeclaredOnly),
    ];

    /// <summary>Methods that are handed to somebody.</summary>
    public static IEnumerable<MethodBase> Pointers(MethodBase method) => Read(method)
        .Where(static step => step.Code == OpCodes.Ldftn || step.Code == OpCodes.Ldvirtftn)
        .Select(step => Resolved(method, step.Token));

    public static IEnumerable<MethodBase> Calls(MethodBase method) => Read(method)
        .Where(static step => step.Code == OpCodes.Call || step.Code == OpCodes.Callvirt)
        .Select(step => Resolved(method, step.Token));

    /// <summary>Types that what the method was given is asked for; not what comes of a property or a call.</summary>
    public static IEnumerable<Type> TypesAsked(MethodBase method)
    {
        var before = OpCodes.Nop;
        foreach (var step in Read(method))
        {
            if (step.Code == OpCodes.Isinst && before != OpCodes.Call && before != OpCodes.Callvirt)
                yield return method.Module.ResolveType(step.Token, [], []);
            before = step.Code;
        }
    }

    private static MethodBase Resolved(MethodBase method, int token) => method.Module.ResolveMethod(
        token, method.DeclaringType!.GetGenericArguments(),
        method.IsGenericMethod ? method.GetGenericArguments() : null)!;

    private static IEnumerable<(OpCode Code, int Token)> Read(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } bytes)
            yield break;
        for (var at = 0; at < bytes.Length;)
        {
            short value = bytes[at++];
            if (value == 0xfe)
                value = (short)(0xfe00 | bytes[at++]);
            var code = OpCodesByValue[value];
            var token = code.OperandType is OperandType.InlineMethod or OperandType.InlineType
                ? BitConverter.ToInt32(bytes, at)
                : 0;
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(bytes, at)),
                _ => 4,
            };
            yield return (code, token);
        }
    }
}

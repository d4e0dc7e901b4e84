using System.Globalization;
using Google.Protobuf.Reflection;

namespace NativeLink.Actors.Protocol.Tests;

/// <summary>
/// Holds the generated messages against a table of the
/// wire that was written apart from the .proto files.
/// </summary>
public sealed class WireTableTests
{
    private static readonly FileDescriptor[] Ours =
    [
        Wire.WorkerApiReflection.Descriptor,
        Reapi.RemoteExecutionReflection.Descriptor,
        Google.ByteStream.BytestreamReflection.Descriptor,
        Google.LongRunning.OperationsReflection.Descriptor,
        Build.Bazel.Semver.SemverReflection.Descriptor,
    ];

    private static readonly MessageDescriptor[] Borrowed =
        [Google.Rpc.Status.Descriptor, Google.Rpc.PreconditionFailure.Descriptor,
            Google.Rpc.PreconditionFailure.Types.Violation.Descriptor];

    private static readonly IReadOnlyList<string> Table = [.. Resources.Lines("WireTable.txt")
        .Where(line => line[0] != '#')];

    [Theory]
    [InlineData("rpc ", 20)]
    [InlineData("enum ", 29)]
    [InlineData("field ", 268)]
    [InlineData("empty ", 7)]
    public void Every_line_of_the_table_holds_and_nothing_is_beyond_it(string kind, int lines)
    {
        var expected = Table.Where(line => line.StartsWith(kind, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(lines, expected.Length);
        Assert.Equal(expected, Generated().Where(line => line.StartsWith(kind, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Generated()
    {
        var messages = Ours.SelectMany(file => file.MessageTypes).SelectMany(WithNested).Concat(Borrowed);
        return Ours.SelectMany(file => file.Services).SelectMany(service => service.Methods).Select(Describe)
            .Concat(messages.SelectMany(Describe))
            .Select(line => line.Replace("build.bazel.remote.execution.v2.", "reapi.", StringComparison.Ordinal)
                .Replace("com.github.trace_machina.nativelink.remote_execution.", "worker.", StringComparison.Ordinal));
    }

    private static IEnumerable<MessageDescriptor> WithNested(MessageDescriptor message) =>
        message.NestedTypes.Where(nested => !nested.IsMapEntry).SelectMany(WithNested).Prepend(message);

    private static string Describe(MethodDescriptor method)
    {
        var (up, down) = (method.IsClientStreaming ? "stream " : "", method.IsServerStreaming ? "stream " : "");
        return $"rpc {method.Service.FullName}/{method.Name} = {up}{method.InputType.FullName} -> " +
            $"{down}{method.OutputType.FullName}";
    }

    private static IEnumerable<string> Describe(MessageDescriptor message)
    {
        foreach (var value in message.EnumTypes.SelectMany(one => one.Values))
            yield return string.Create(CultureInfo.InvariantCulture,
                $"enum {value.EnumDescriptor.FullName} {value.Name} = {value.Number}");
        if (message.Fields.InDeclarationOrder().Count == 0)
            yield return $"empty {message.FullName}";
        foreach (var field in message.Fields.InDeclarationOrder())
            yield return string.Create(CultureInfo.InvariantCulture,
                $"field {field.FullName} = {field.FieldNumber} : {TypeOf(field)}{OneofOf(field)}");
    }

    private static string TypeOf(FieldDescriptor field)
    {
        if (field.IsMap)
            return $"map<{ElementOf(field.MessageType.Fields[1])},{ElementOf(field.MessageType.Fields[2])}>";
        return ElementOf(field) + (field.IsRepeated ? "[]" : "");
    }

    private static string ElementOf(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        var scalar => scalar.ToString().ToLowerInvariant(),
    };

    private static string OneofOf(FieldDescriptor field) =>
        field.ContainingOneof is { } oneof ? $" oneof {oneof.Name}" : "";
}

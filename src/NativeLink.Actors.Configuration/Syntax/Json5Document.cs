using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using Newtonsoft.Json;

namespace NativeLink.Actors.Configuration.Syntax;

/// <summary>
/// Reads JSON5 text into nodes that know their places. Taken: comments, trailing commas, keys
/// without quotes, single quotes, hexadecimal numbers, <c>.5</c>, <c>5.</c>, Infinity, NaN. Not
/// taken, and said so: a leading plus sign, negative hexadecimal numbers, strings continued over a
/// line end, escapes other than those of JSON and <c>\'</c>.
/// </summary>
internal sealed class Json5Document : IDisposable
{
    private const int DeepestNesting = 64;

    private readonly SourceText _source;
    private readonly JsonTextReader _reader;
    private int _previousEnd;
    private int _tokenStart;

    private Json5Document(string text)
    {
        _source = new SourceText(text);
        _reader = new JsonTextReader(new StringReader(text))
        {
            DateParseHandling = DateParseHandling.None,
            FloatParseHandling = FloatParseHandling.Double,
            MaxDepth = DeepestNesting,
        };
    }

    /// <summary>The root of the document.</summary>
    /// <exception cref="SyntaxException">The text cannot be read; says where and why.</exception>
    public static Node Parse(string text)
    {
        using var document = new Json5Document(text.StartsWith('\uFEFF') ? text[1..] : text);
        try
        {
            return document.ReadDocument();
        }
        catch (JsonReaderException error)
        {
            throw SyntaxMessages.Explain(document._source, error);
        }
    }

    public void Dispose() => _reader.Close();

    private Node ReadDocument()
    {
        if (!Advance())
            throw Wrong(
                _source.Text.Length,
                "the file is empty: a configuration is one object in braces, { stores: […], workers: […], " +
                "servers: […] }");
        var root = ReadValue("");
        if (Advance())
            throw Wrong(_tokenStart,
                "there is text behind the end of the configuration: remove it, or the bracket that closes too early");
        return root;
    }

    /// <summary>Goes to the next token that is no comment and notes where it starts.</summary>
    private bool Advance()
    {
        do
        {
            _previousEnd = _source.OffsetOf(_reader.LineNumber, _reader.LinePosition);
            if (!_reader.Read())
                return false;
        }
        while (_reader.TokenType == JsonToken.Comment);
        _tokenStart = Math.Min(_source.NextToken(_previousEnd), Math.Max(_source.Text.Length - 1, 0));
        return true;
    }

    private void AdvanceInside(string what)
    {
        if (!Advance())
            throw Wrong(_source.Text.Length, $"the file ends inside {what}: a closing bracket is missing");
    }

    private Node ReadValue(string path)
    {
        var at = Place(path);
        switch (_reader.TokenType)
        {
            case JsonToken.StartObject:
                return ReadObject(path, at);
            case JsonToken.StartArray:
                return ReadArray(path, at);
            case JsonToken.Integer or JsonToken.Float:
                RefuseOctal();
                return new ScalarNode(at, _reader.Value);
            case JsonToken.String or JsonToken.Boolean or JsonToken.Null:
                return new ScalarNode(at, _reader.Value);
            case JsonToken.Undefined when _source[_tokenStart] is not 'u':
                throw Wrong(_tokenStart, "a value is missing here: there is one comma too many");
            default:
                throw Wrong(_tokenStart,
                    "this is no value: write a string in quotes, a number, true, false, null, a list or an object");
        }
    }

    private ObjectNode ReadObject(string path, ConfigPlace at)
    {
        var members = ImmutableArray.CreateBuilder<Member>();
        for (AdvanceInside("an object"); _reader.TokenType != JsonToken.EndObject; AdvanceInside("an object"))
        {
            var key = (string)_reader.Value!;
            var inner = ConfigPaths.Member(path, key);
            var keyAt = Place(inner);
            AdvanceInside("an object");
            members.Add(new Member(key, keyAt, ReadValue(inner)));
        }

        return new ObjectNode(at, members.ToImmutable());
    }

    private ArrayNode ReadArray(string path, ConfigPlace at)
    {
        var items = ImmutableArray.CreateBuilder<Node>();
        for (AdvanceInside("a list"); _reader.TokenType != JsonToken.EndArray; AdvanceInside("a list"))
            items.Add(ReadValue($"{path}[{items.Count}]"));
        return new ArrayNode(at, items.ToImmutable());
    }

    private void RefuseOctal()
    {
        var digits = _source[_tokenStart] == '-' ? _tokenStart + 1 : _tokenStart;
        if (_source[digits] == '0' && char.IsAsciiDigit(_source[digits + 1]))
            throw Wrong(_tokenStart, "a number cannot start with 0: remove the zeros in front");
    }

    private ConfigPlace Place(string path)
    {
        var (line, column) = _source.PositionOf(_tokenStart);
        return new ConfigPlace(path.Length == 0 ? "(file)" : path, line, column);
    }

    private SyntaxException Wrong(int offset, string message)
    {
        var (line, column) = _source.PositionOf(offset);
        return new SyntaxException(new ConfigError("(file)", line, column, message));
    }
}

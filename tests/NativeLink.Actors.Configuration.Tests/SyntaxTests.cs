namespace NativeLink.Actors.Configuration.Tests;

/// <summary>What of JSON5 is read, what is not, and what is said then.</summary>
public sealed class SyntaxTests
{
    [Theory]
    [InlineData("// comment\n{ stores: [], servers: [] }")]
    [InlineData("/* a\n b */ { 'stores': [/* none */], \"servers\": [], } // end")]
    [InlineData("\uFEFF{ stores: [], servers: [] }\r\n")]
    [InlineData("{ stores: [], servers: [],\n global: { max_open_files: 0x6000, }, }")]
    [InlineData("{ stores: [], servers: [], global: { max_open_files: '24_'+'' } }", false)]
    public void Comments_trailing_commas_keys_without_quotes_single_quotes_and_hexadecimal_numbers_are_read(
        string text, bool read = true) =>
        Assert.Equal(read, Load.Text(text).Errors.IsEmpty);

    [Theory]
    [InlineData("{ stores: [],\n  global: { max_open_files: +1 } }", 2, 29, "plus sign")]
    [InlineData("{ stores: [], global: { max_open_files: -0x1 } }", 1, 45, "0x and hexadecimal digits without a sign")]
    [InlineData("{ stores: [], global: { max_open_files: 010 } }", 1, 41, "cannot start with 0")]
    [InlineData("{ stores: [], name: 'a\\\nb' }", 1, 24, "continued over a line end")]
    [InlineData("{ stores: [], name: '\\x41' }", 1, 23, "escape \\x")]
    [InlineData("{ stores: [], name: '\\v' }", 1, 23, "escape \\v")]
    [InlineData("# note\n{ stores: [] }", 1, 1, "comments start with //")]
    [InlineData("{ stores: [,] }", 1, 13, "comma too many")]
    [InlineData("{ stores: [],, servers: [] }", 1, 14, "comma too many")]
    [InlineData("{ stores: [] servers: [] }", 1, 14, "comma or a closing bracket")]
    [InlineData("{ stores [] }", 1, 10, "after a key comes ':'")]
    [InlineData("{ sto-res: [] }", 1, 6, "must stand in quotes")]
    [InlineData("{ stores: [] } }", 1, 16, "text behind the end")]
    [InlineData("{ stores: [] } {}", 1, 16, "text behind the end")]
    [InlineData("{ stores: [", 1, 12, "closing bracket is missing")]
    [InlineData("{ stores: [], name: 'x", 1, 23, "not closed")]
    [InlineData("{ stores: hello }", 1, 11, "a value is expected here")]
    [InlineData("{ stores: undefined }", 1, 11, "no value")]
    [InlineData("{ stores: new Date(1) }", 1, 11, "no value")]
    [InlineData("/* open", 1, 8, "comment is not closed")]
    [InlineData("", 1, 1, "the file is empty")]
    [InlineData("\n// only a comment\n", 3, 1, "the file is empty")]
    public void What_cannot_be_read_is_said_with_its_place(string text, int line, int column, string says)
    {
        var error = Load.Bad(text);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Equal((line, column, "test.json5"), (error.Line, error.Column, error.Path));
    }

    [Fact]
    public void Blocks_nested_beyond_any_reason_are_refused() =>
        Assert.Contains("nested too deeply", Load.Bad(new string('[', 5_000)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("[]", "a list")]
    [InlineData("'text'", "a string")]
    [InlineData("null", "null")]
    public void The_file_has_to_be_an_object(string text, string says) =>
        Assert.Contains(says, Load.Bad(text).Message, StringComparison.Ordinal);

    [Fact]
    public void Places_are_those_of_keys_and_values_whatever_stands_between()
    {
        const string Text =
            "{\r\n  stores: [],\r\n  /* long\r\n comment */ 'servers' : // why\r\n    [ 1,\t{ \"näme\": 2 } ],\r\n}";
        var errors = Load.Text(Text).Errors;
        Assert.Equal([("servers[0]", 5, 7), ("servers[1]", 5, 10), ("servers[1].näme", 5, 12)],
            errors.Select(error => (error.Path, error.Line, error.Column)));
    }

    [Fact]
    public void A_key_that_stands_twice_is_refused()
    {
        Load.Refuses("{ stores: [], servers: [],\n servers: [] }", "servers", "a second time");
        Load.Refuses(
            Load.WorkerFile(
                top: "schedulers: [{ name: 'S', simple: { supported_platform_properties: { a: 'exact', a: " +
                    "'minimum' } } }]"),
            "schedulers[0].simple.supported_platform_properties.a", "a second time");
    }

    [Fact]
    public void Keys_that_are_no_plain_names_are_quoted_in_paths() =>
        Load.Refuses(Load.WorkerFile("additional_environment: { 'a-b': 3 }"),
            "workers[0].local.additional_environment[\"a-b\"]", "not understood");
}

namespace NativeLink.Actors.Protocol.Tests;

public sealed class ResourceNameTests
{
    private static readonly string Hash = string.Concat(Enumerable.Repeat("0123456789abcdef", 4));

    /// <summary>Instance, kind, function, metadata: each with and without.</summary>
    public static TheoryData<string, string, string, string> Forms
    {
        get
        {
            var forms = new TheoryData<string, string, string, string>();
            foreach (var instance in new[] { "", "instance_name" })
                foreach (var kind in new[] { "blobs", "compressed-blobs/zstd" })
                    foreach (var function in new[] { "", "blake3" })
                        foreach (var metadata in new[] { "", "optional/metadata" })
                            forms.Add(instance, kind, function, metadata);
            return forms;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void NL_346_Each_form_of_a_read_name_is_understood_and_printed_as_it_came(
        string instance, string kind, string function, string metadata) =>
        Check(instance, "", kind, function, metadata);

    [Theory]
    [MemberData(nameof(Forms))]
    public void NL_347_Each_form_of_a_write_name_is_understood_and_printed_as_it_came(
        string instance, string kind, string function, string metadata) =>
        Check(instance, "uuid", kind, function, metadata);

    [Fact]
    public void NL_348_An_instance_may_have_slashes() =>
        Assert.Equal("my/instance/name", Read($"my/instance/name/blobs/{Hash}/12345").Instance);

    [Fact]
    public void NL_349_An_instance_may_be_called_blobs_or_uploads()
    {
        Assert.Equal("blobs", Read($"blobs/blobs/{Hash}/12345").Instance);
        var write = Read($"uploads/uploads/uuid/blobs/{Hash}/12345", upload: true);
        Assert.Equal(("uploads", "uuid"), (write.Instance, write.UploadId));
    }

    [Theory]
    [InlineData("{0}/12345")]
    [InlineData("BLOBS/{0}/12345")]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("//")]
    [InlineData("///")]
    [InlineData("blobs/")]
    [InlineData("blobs//")]
    [InlineData("blobs///")]
    [InlineData("blobs/{0}")]
    [InlineData("blobs/{0}/-1")]
    [InlineData("blobs/{0}/ten")]
    [InlineData("compressed-blobs/{0}/1")]
    [InlineData("compressed-blobs/ZSTD/{0}/1")]
    [InlineData("compressed-blobs/1/{0}/1")]
    [InlineData("compressed-blobs/7/{0}/1")]
    [InlineData("compressed-blobs/identity,zstd/{0}/1")]
    [InlineData("compressed-blobs/ zstd/{0}/1")]
    public void NL_350_What_is_no_name_is_refused_with_a_sentence(string form)
    {
        var name = string.Format(System.Globalization.CultureInfo.InvariantCulture, form, Hash);
        foreach (var upload in new[] { false, true })
        {
            Assert.False(ResourceName.TryParse(name, upload, DigestFunction.Sha256, out _, out var error));
            Assert.StartsWith($"resource name '{name}': ", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void NL_351_A_leading_slash_means_the_empty_instance()
    {
        var read = Read($"/blobs/sha256/{Hash}/3");
        Assert.Equal(("", 3L, DigestFunction.Sha256, true),
            (read.Instance, read.Digest.SizeBytes, read.Digest.Function, read.NamesFunction));
        Assert.Equal("u", Read($"/uploads/u/blobs/sha256/{Hash}/3", upload: true).UploadId);
    }

    [Theory]
    [InlineData("md5")]
    [InlineData("sha1")]
    [InlineData("sha256tree")]
    public void A_function_that_is_not_served_is_named_in_the_error(string function)
    {
        Assert.False(
            ResourceName.TryParse($"blobs/{function}/{Hash}/3", false, DigestFunction.Sha256, out _, out var error));
        Assert.Contains($"'{function}' is not served", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hash_of_another_length_is_named_in_the_error()
    {
        Assert.False(ResourceName.TryParse("blobs/abc/3", false, DigestFunction.Sha256, out _, out var error));
        Assert.Contains("'abc' is not a hash", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_without_an_upload_id_is_not_one_of_an_upload()
    {
        Assert.False(ResourceName.TryParse($"main/blobs/{Hash}/3", true, DigestFunction.Sha256, out _, out _));
        Assert.False(ResourceName.TryParse($"uploads//blobs/{Hash}/3", true, DigestFunction.Sha256, out _, out _));
    }

    [Fact]
    public void A_name_without_a_function_takes_the_default_one()
    {
        Assert.True(ResourceName.TryParse($"blobs/{Hash}/3", false, DigestFunction.Blake3, out var name, out _));
        Assert.Equal((DigestFunction.Blake3, false), (name.Digest.Function, name.NamesFunction));
    }

    private static ResourceName Read(string text, bool upload = false)
    {
        Assert.True(ResourceName.TryParse(text, upload, DigestFunction.Sha256, out var name, out var error), error);
        return name;
    }

    private static void Check(string instance, string uuid, string kind, string function, string metadata)
    {
        string[] parts = [instance, uuid.Length == 0 ? "" : $"uploads/{uuid}", kind, function, Hash, "12345", metadata];
        var text = string.Join('/', parts.Where(part => part.Length > 0));
        var name = Read(text, upload: uuid.Length > 0);
        Assert.Equal(instance, name.Instance);
        Assert.Equal(uuid.Length == 0 ? null : uuid, name.UploadId);
        Assert.Equal(kind == "blobs" ? BlobCompressor.Identity : BlobCompressor.Zstd, name.Compressor);
        Assert.Equal(function.Length == 0 ? DigestFunction.Sha256 : DigestFunction.Blake3, name.Digest.Function);
        Assert.Equal((Hash, 12345L), (name.Digest.Hash, name.Digest.SizeBytes));
        Assert.Equal(metadata, name.Metadata);
        Assert.Equal(text, name.ToString());
    }
}

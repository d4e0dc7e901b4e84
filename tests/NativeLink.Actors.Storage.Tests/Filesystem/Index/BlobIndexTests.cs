using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using NativeLink.Actors.Storage.Filesystem.Index;
using Xunit.Abstractions;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Index;

[Collection(nameof(Alone))]
public class BlobIndexTests(ITestOutputHelper output)
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan HalfAnHour = TimeSpan.FromMinutes(30);

    // NLA_BLOBS says how many.
    private static readonly int Blobs = Environment.GetEnvironmentVariable("NLA_BLOBS") is { Length: > 0 } text
        ? int.Parse(text, CultureInfo.InvariantCulture)
        : 500_000;

    [Fact]
    public void A_blob_costs_the_index_less_than_100_bytes()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var index = new BlobIndex(4096, HalfAnHour);
        for (var i = 0; i < Blobs; i++)
            index.Vouch(index.Add(Key(i), Start), Start);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine($"{held / (double)Blobs:0.0} bytes a blob held, {allocated / (double)Blobs:0.0} allocated");

        Assert.InRange(held / (double)Blobs, 1, 100);
        // What is there is not copied when there comes more.
        Assert.InRange(allocated / (double)Blobs, 1, 100);
        Assert.Equal(Blobs, index.Count);
    }

    [Fact]
    public void The_index_agrees_with_a_dictionary_after_any_additions_and_removals()
    {
        var (index, expected, random) = (new BlobIndex(), new Dictionary<Digest, long>(), new Random(5));
        for (var i = 0; i < 200_000; i++)
        {
            var key = Key(random.Next(30_000));
            if (index.Find(key) is { } known && random.Next(2) == 0)
            {
                index.Remove(known);
                expected.Remove(key);
            }
            else if (index.Find(key) is null)
            {
                index.Add(key, Start);
                Assert.True(expected.TryAdd(key, key.SizeBytes));
            }
        }

        Assert.Equal(expected.Count, index.Count);
        Assert.Equal(expected.Values.Sum(), index.Bytes);
        Assert.Equal(expected.Keys.ToHashSet(), index.Digests.ToHashSet());
        Assert.All(expected.Keys, key => Assert.Equal(key, index.Find(key)?.Key));
        for (var left = index.Count; left > 0; left--)
            index.Remove(index.Oldest(Start)!.Value);
        Assert.Equal((0, 0L), (index.Count, index.Bytes));
    }

    [Fact]
    public void What_was_vouched_for_is_not_the_oldest_until_its_time_is_over()
    {
        var index = new BlobIndex(1, HalfAnHour);
        var (vouched, used) = (index.Add(Key(1), Start), index.Add(Key(2), Start));
        index.Vouch(vouched, Start);
        index.Touch(used, Start + TimeSpan.FromMinutes(29));

        Assert.Equal(Key(2), index.Oldest(Start + TimeSpan.FromMinutes(29))!.Value.Key);
        Assert.Equal(Key(1), index.Oldest(Start + HalfAnHour)!.Value.Key);
        index.Remove(used);
        Assert.Null(index.Oldest(Start + TimeSpan.FromMinutes(29)));
        Assert.Equal(Key(1), index.OldestVouched!.Value.Key);
    }

    [Fact]
    public void A_lease_or_a_second_chance_leaves_those_vouched_for_in_the_order_in_which_that_ends()
    {
        foreach (var isLeased in new[] { true, false })
        {
            var index = new BlobIndex(1, HalfAnHour);
            var (first, second) = (index.Add(Key(1), Start), index.Add(Key(2), Start));
            index.Vouch(first, Start);
            index.Vouch(second, Start + TimeSpan.FromMinutes(10));
            var later = Start + TimeSpan.FromMinutes(20);
            if (isLeased)
            {
                index.Lease(first);
                index.Release(first, later);
            }
            else
            {
                index.PutBack(first, later);
            }

            Assert.Null(index.Oldest(Start + TimeSpan.FromMinutes(39)));
            Assert.Equal(Key(2), index.Oldest(Start + TimeSpan.FromMinutes(41))!.Value.Key);
            index.Remove(second);
            Assert.Null(index.Oldest(Start + TimeSpan.FromMinutes(49)));
            Assert.Equal(Key(1), index.Oldest(Start + TimeSpan.FromMinutes(51))!.Value.Key);
        }
    }

    [Fact]
    public void What_gets_a_second_chance_when_nobody_relies_on_it_any_more_is_one_of_those_that_were_used()
    {
        var index = new BlobIndex(1, HalfAnHour);
        var (first, second) = (index.Add(Key(1), Start), index.Add(Key(2), Start));
        index.Vouch(first, Start);
        index.Vouch(second, Start);
        var later = Start + TimeSpan.FromHours(1);
        index.PutBack(first, later);
        Assert.Equal((Key(2), Key(2)), (index.OldestVouched!.Value.Key, index.Oldest(later)!.Value.Key));
        index.Remove(second);
        Assert.Null(index.OldestVouched);
        Assert.Equal((Key(1), later), (index.Oldest(later)!.Value.Key, index.Oldest(later)!.Value.LastUse));
    }

    [Fact]
    public void An_entry_that_was_removed_while_it_was_leased_ends_with_the_lease()
    {
        var index = new BlobIndex();
        var leased = index.Add(Key(1), Start);
        Assert.True(index.Lease(leased));
        index.Remove(leased);
        var again = index.Add(Key(1), Start);

        Assert.NotEqual(leased.Slot, again.Slot);
        Assert.True(index.Release(leased, Start));
        Assert.Equal(again.Slot, index.Find(Key(1))!.Value.Slot);
        Assert.Equal(leased.Slot, index.Add(Key(2), Start).Slot);
        Assert.Equal(Key(1), index.Oldest(Start)!.Value.Key);
    }

    [Fact]
    public void Forty_thousand_digests_that_differ_in_one_word_only_are_found_at_once()
    {
        var alike = Enumerable.Range(0, 40_000).Select(static i =>
        {
            var hash = new byte[Digest.HashLength];
            BinaryPrimitives.WriteInt32LittleEndian(hash.AsSpan(16), i);
            return Digest.FromHash(hash, 5, DigestFunction.Sha256);
        }).ToList();
        var unlike = Enumerable.Range(0, 40_000).Select(static i => SHA256.HashData(BitConverter.GetBytes(i)))
            .Select(static hash => Digest.FromHash(hash, 5, DigestFunction.Sha256)).ToList();
        var (usual, took) = (TimeToFind(unlike), TimeToFind(alike));
        // By the measure of this machine; were each compared with each, it would be thousands of times as much.
        Assert.True(took < (20 * usual) + TimeSpan.FromSeconds(1), $"{took}, and {usual} where they differ everywhere");
    }

    private static TimeSpan TimeToFind(List<Digest> keys)
    {
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(keys.Count, keys.ToHashSet().Count);
        var index = new BlobIndex();
        keys.ForEach(key => index.Add(key, Start));
        Assert.DoesNotContain(keys, key => index.Find(key) is null);
        return Stopwatch.GetElapsedTime(began);
    }

    private static Digest Key(int number)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        BinaryPrimitives.WriteInt32LittleEndian(hash[20..], number);
        BinaryPrimitives.WriteInt32BigEndian(hash, number * 7919);
        return Digest.FromHash(hash, 1 + (number % 9000), DigestFunction.Sha256);
    }
}

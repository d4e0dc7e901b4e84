using Grpc.Core;
using NativeLink.Actors.LocalCluster.BlobAccess;
using NativeLink.Actors.LocalCluster.Tests.Host;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Tests.BlobAccess;

public sealed class PartialUploadsTests : IDisposable
{
    private static readonly byte[] Content = Blobs.Random(1000);

    private readonly TempDirectory _directory = new();
    private readonly ContentStore _store;
    private readonly PartialUploads _uploads;

    public PartialUploadsTests()
    {
        _store = ContentStore.Open(new ContentStoreOptions(_directory.At("cas"), _directory.At("tmp")),
            TimeProvider.System);
        _uploads = new PartialUploads(_store, TimeSpan.FromMinutes(1), 10_000, TimeProvider.System);
    }

    [Fact]
    public async Task Who_asks_to_take_over_too_late_disturbs_neither_the_ended_upload_nor_the_next_one()
    {
        var upload = await BeginAsync(0);
        var met = upload.Session;
        _uploads.End(upload, keep: true);
        var again = await BeginAsync(10);
        Assert.Same(upload, again);
        met.RequestTakeOver();
        Assert.False(again.TakeOverRequested.IsCancellationRequested);
        _uploads.End(again, keep: false);
        met.RequestTakeOver();
        again.Session.RequestTakeOver();
    }

    [Fact]
    public async Task Who_takes_over_from_a_stream_that_has_just_ended_the_blob_is_told_that_it_is_here()
    {
        var upload = await BeginAsync(0);
        var second = _uploads.BeginAsync(Name(), 10, CancellationToken.None);
        Assert.True(upload.TakeOverRequested.IsCancellationRequested);
        upload.Append(0, Content);
        upload.Finish(Content.Length);
        _uploads.End(upload, keep: false);
        Assert.Null(await second.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Many_that_go_on_with_one_upload_at_once_get_it_one_after_the_other_or_are_told_to_try_again()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(async () =>
        {
            for (var round = 0; round < 200; round++)
            {
                try
                {
                    var upload = await BeginAsync(1);
                    _uploads.End(upload, keep: round % 3 != 0);
                }
                catch (RpcException error)
                {
                    Assert.Equal(StatusCode.Unavailable, error.StatusCode);
                }
            }
        }, CancellationToken.None, TaskCreationOptions.None, TaskScheduler.Default).Unwrap()))
        .WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void What_is_refused_for_want_of_room_is_not_in_the_way_of_what_fits()
    {
        var asked = 0;
        UploadBudget? budget = null;
        budget = new UploadBudget(100)
        {
            EvictIdle = _ =>
            {
                // While one is being refused, another one comes that fits.
                if (asked++ == 0)
                    budget!.Reserve(10);
            },
        };
        budget.Reserve(90);
        Assert.Throws<RpcException>(() => budget.Reserve(50));
        Assert.Equal((100, 1), (budget.Held, asked));
    }

    public void Dispose()
    {
        _uploads.Dispose();
        _store.Dispose();
        _directory.Dispose();
    }

    private static ResourceName Name() =>
        new("", "one", BlobCompressor.Identity, Blobs.DigestOf(Content), NamesFunction: false);

    private async Task<Upload> BeginAsync(long offset) =>
        (await _uploads.BeginAsync(Name(), offset, CancellationToken.None))!;
}

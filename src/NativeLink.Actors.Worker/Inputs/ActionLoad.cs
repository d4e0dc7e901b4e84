using NativeLink.Actors.Cas;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// An Action, then its Command, and with it the root Directory if that is
/// not known: two round trips cold, one warm. A root that cannot be had
/// is a fault only for who stages it: its tree may be cached on disk.
/// </summary>
internal sealed class ActionLoad(
    LoadAction request, WantedBlobs wanted, MessageCaches known, Action<object> answer) : Fetch(wanted)
{
    private Reapi.Action? _action;
    private Digest _inputRoot;
    private Reapi.Command? _command;

    protected override string What => _action is null ? "the action" : "the command";

    public void Begin()
    {
        if (known.Plans.TryGet<Reapi.Action>(request.Action, out _action))
            WantCommand(_action);
        else if (request.Action.SizeBytes > CasLimits.ProtobufBytes)
            End(CasLimits.TooLargeForMessage(What, request.Action));
        else
            Want(request.Action, BlobKind.Action);
    }

    public override void Break(Fault fault) => answer(new DownloadFailed(request.Id, fault));

    protected override bool IsOptional(BlobKind kind) => kind == BlobKind.Directory;

    protected override void Take(WantedBlob blob, in Arrival arrival, IDisposable? lease)
    {
        if (arrival.Message is Reapi.Action action)
            _action = action;
        else if (arrival.Message is Reapi.Command command)
            _command = command;
    }

    protected override void End(Fault? fault)
    {
        if (fault is not null)
            answer(new DownloadFailed(request.Id, fault));
        else if (_command is null)
            WantCommand(_action!);
        else
            answer(new ActionLoaded(request.Id, _action!, _command, _inputRoot));
    }

    private void WantCommand(Reapi.Action action)
    {
        Digest command;
        try
        {
            command = Digest.FromWire(action.CommandDigest, request.Action.Function, "the command");
            _inputRoot = Digest.FromWire(action.InputRootDigest, request.Action.Function, "the input root");
        }
        catch (FormatException error)
        {
            End(new Fault(FaultKind.Action, $"action {request.Action}: {error.Message}"));
            return;
        }
        if (!known.Directories.Knows(_inputRoot) && _inputRoot.SizeBytes <= CasLimits.ProtobufBytes)
            Want(_inputRoot, BlobKind.Directory);
        if (known.Plans.TryGet(command, out _command))
            EndIfComplete();
        else if (command.SizeBytes > CasLimits.ProtobufBytes)
            End(CasLimits.TooLargeForMessage(What, command));
        else
            Want(command, BlobKind.Command);
    }
}

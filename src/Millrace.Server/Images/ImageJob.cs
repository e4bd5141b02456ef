using System.Diagnostics;
using System.Threading.Channels;

namespace Millrace.Server.Images;

/// <summary>What happens to a job, for whoever watches it.</summary>
internal abstract record ImageJobEvent
{
    /// <summary>The network was evaluated once more.</summary>
    public sealed record Progress(int Evaluations, int? Of) : ImageJobEvent;

    /// <summary>An unfinished picture.</summary>
    public sealed record Partial(byte[] Picture, int Index) : ImageJobEvent;

    /// <summary>A finished picture.</summary>
    public sealed record Completed(byte[] Picture) : ImageJobEvent;
}

/// <summary>A request for pictures that was accepted, until it has ended.</summary>
internal sealed class ImageJob(string id, string client, ImageRequest request, IDisposable lease) : IDisposable
{
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource<IReadOnlyList<byte[]>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<ImageJobEvent> _events = Channel.CreateUnbounded<ImageJobEvent>(); // a request bounds its pictures and steps
    private readonly List<byte[]> _pictures = [];

    public string Id { get; } = id;

    public string Client { get; } = client;

    public ImageRequest Request { get; } = request;

    /// <summary>The trace of the request that brought it.</summary>
    public ActivityContext Trace { get; } = Activity.Current?.Context ?? default;

    public CancellationToken Cancelled => _cancellation.Token;

    /// <summary>The pictures; fails as the job fails.</summary>
    public Task<IReadOnlyList<byte[]>> Completion => _completion.Task;

    /// <summary>Network evaluations of the present picture, and all of them.</summary>
    public (int Evaluations, int? Of) Progress { get; private set; }

    /// <summary>What happens from now on; for one reader.</summary>
    public IAsyncEnumerable<ImageJobEvent> EventsAsync(CancellationToken cancellationToken) => _events.Reader.ReadAllAsync(cancellationToken);

    public void Cancel() => _cancellation.Cancel();

    public void Tell(ImageJobEvent happened)
    {
        if (happened is ImageJobEvent.Progress progress)
        {
            Progress = (progress.Evaluations, progress.Of);
        }
        else if (happened is ImageJobEvent.Completed completed)
        {
            _pictures.Add(completed.Picture);
        }

        _events.Writer.TryWrite(happened);
    }

    /// <summary>Ends it; an error means that it failed, or was cancelled.</summary>
    public void End(Exception? error)
    {
        _events.Writer.TryComplete();
        lease.Dispose();
        if (error is null)
        {
            _completion.TrySetResult(_pictures);
        }
        else
        {
            _completion.TrySetException(error);
            _ = _completion.Task.Exception; // seen: a job need not be awaited
        }
    }

    public void Dispose() => _cancellation.Dispose();
}

using System.Collections.Concurrent;
using Millrace.Processes;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Streaming.Hub;

/// <summary>
/// One model for many streams: each turn, one encoder call, ONE network call and one decoder call hold rows of all streams that
/// have a frame waiting, each with its own prompt, seed, steps and guidance. A stream's pictures are those it would have alone.
/// </summary>
/// <remarks>
/// Fair: who has waited longest is served first, and nobody twice before all others once. Bounded: a call holds at most
/// <see cref="StreamHubOptions.MaximumRows"/> rows. All networks are called on one thread of the hub's own.
/// </remarks>
public sealed class StreamHub : IAsyncDisposable
{
    private readonly IDenoiser _denoiser;
    private readonly IAutoencoder _autoencoder;
    private readonly IDiffusionProcess _process;
    private readonly StreamHubOptions _options;
    private readonly TimeProvider _time;
    private readonly PromptCache _prompts;
    private readonly ThreadGovernor _threads;
    private readonly ConcurrentQueue<HubStream> _opened = new();
    private readonly List<HubStream> _streams = []; // on the hub's thread
    private readonly AutoResetEvent _wake = new(false);
    private readonly Task _running;
    private int _count;
    private IReadOnlyList<HubStream> _servedLast = [];
    private TimeSpan _lastTurn;
    private long _served;
    private volatile bool _stopped;

    /// <summary>Starts a hub.</summary>
    /// <param name="denoiser">Used, not owned, like the other parts.</param>
    /// <param name="autoencoder">Pixels to latents and back.</param>
    /// <param name="textEncoder">Prompts to hidden states.</param>
    /// <param name="process">The process on which the denoiser was trained.</param>
    /// <param name="options">How they are shared; null means the defaults.</param>
    /// <param name="time">Clock; null means the system's.</param>
    /// <exception cref="ArgumentException">Where the options are not valid.</exception>
    public StreamHub(
        IDenoiser denoiser, IAutoencoder autoencoder, ITextEncoder textEncoder, IDiffusionProcess process, StreamHubOptions? options = null, TimeProvider? time = null)
    {
        (_denoiser, _autoencoder, _process, _options, _time) = (denoiser, autoencoder, process, options ?? new StreamHubOptions(), time ?? TimeProvider.System);
        _options.Validate();
        _prompts = new PromptCache(textEncoder, _options.CachedPrompts);
        _threads = new ThreadGovernor(_time);
        OpenMp.EndWorkers(); // those of the caller's thread: all networks are called on the hub's
        _running = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Counters and durations of all streams together.</summary>
    public StreamHubStatistics Statistics { get; } = new();

    /// <summary>Admits one more stream.</summary>
    /// <param name="options">How its frames are generated.</param>
    /// <param name="prompt">Prompt of its first frames.</param>
    /// <param name="negativePrompt">Its negative.</param>
    /// <returns>The stream; its user's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the options are not valid, or do not fit the model.</exception>
    /// <exception cref="StreamRefusedException">Where the hub is full or closed.</exception>
    public HubStream Open(StreamOptions options, string prompt = "", string negativePrompt = "")
    {
        var lane = new StreamLane(_denoiser, _autoencoder, _process, options, drainWhenStill: true);
        if (_stopped || Interlocked.Increment(ref _count) > _options.MaximumStreams)
        {
            lane.Dispose();
            if (_stopped)
            {
                throw new StreamRefusedException("The hub is closed.");
            }

            Interlocked.Decrement(ref _count);
            throw new StreamRefusedException($"All {_options.MaximumStreams} streams are taken; try again when one has ended.");
        }

        var stream = new HubStream(this, _options, lane, new StreamCommand(0) { Prompt = prompt, NegativePrompt = negativePrompt }, _time);
        _opened.Enqueue(stream);
        Wake();
        return stream;
    }

    /// <summary>Ends all streams and the hub's thread.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopped = true;
        Wake();
        await _running;
        _prompts.Dispose();
        _wake.Dispose();
    }

    internal void Wake()
    {
        try
        {
            _wake.Set();
        }
        catch (ObjectDisposedException)
        {
            // The hub has ended, and with it all its streams; there is nobody left to wake.
        }
    }

    private void Run()
    {
        try
        {
            while (!_stopped)
            {
                if (!Turn())
                {
                    _wake.WaitOne(UntilNextDrain());
                }
            }
        }
        finally
        {
            _stopped = true;
            Welcome();
            _streams.ForEach(stream => stream.Remove());
        }
    }

    /// <summary>One turn: the frames' way through the shared calls.</summary>
    /// <returns>Whether anybody was served, or has left.</returns>
    private bool Turn()
    {
        Gather();
        Welcome();
        foreach (HubStream stream in _streams)
        {
            Guard(stream, () => stream.Prepare(_prompts));
        }

        long start = _time.GetTimestamp();
        List<HubStream> served = Choose();
        using var scope = NewDisposeScope();
        Encode(served);
        Decode(Denoise(served));
        (_servedLast, _lastTurn) = (served, _time.GetElapsedTime(start));
        return served.Count > 0 || _streams.Exists(stream => stream.Closed);
    }

    /// <summary>Waits a little for those served last, whose next frames are on their way: streams that fall out of step would each need a call of their own.</summary>
    private void Gather()
    {
        TimeSpan most = _lastTurn * _options.GatherShare;
        long start = _time.GetTimestamp();
        while (_streams.Exists(stream => stream.Wants) && _servedLast.Any(stream => !stream.Closed && !stream.Wants) && most - _time.GetElapsedTime(start) is { Ticks: > 0 } left)
        {
            _wake.WaitOne(left);
        }
    }

    /// <summary>Who has waited longest first, as many as the bound of rows lets in, one at least.</summary>
    private List<HubStream> Choose()
    {
        List<HubStream> served = [];
        int rows = 0;
        foreach (HubStream stream in _streams.Where(stream => stream.Wants).OrderBy(stream => stream.ServedAt))
        {
            if (served.Count > 0 && rows + stream.Rows > _options.MaximumRows)
            {
                break;
            }

            stream.ServedAt = ++_served;
            rows += stream.Rows;
            served.Add(stream);
        }

        return served;
    }

    private void Encode(List<HubStream> served)
    {
        List<(HubStream Stream, long Id, Tensor Image)> images = [];
        foreach (HubStream stream in served)
        {
            Guard(stream, () =>
            {
                foreach ((long id, Tensor? image) in stream.Admit())
                {
                    if (image is null)
                    {
                        stream.Lane.Enter(id, null);
                    }
                    else
                    {
                        images.Add((stream, id, image));
                    }
                }
            });
        }

        SharedCall.Run(
            images, part => (part.Image.shape[2], part.Image.shape[3]), _ => 1,
            parts => Measure(StreamStage.Encode, () => _autoencoder.Encode(cat([.. parts.Select(part => part.Image)], 0))),
            (part, latent) => part.Stream.Lane.Enter(part.Id, latent.clone()),
            (part, error) => part.Stream.Close(error));
    }

    private List<(HubStream Stream, Tensor Latents)> Denoise(List<HubStream> served)
    {
        List<(HubStream Stream, StreamRows Rows)> ticks = [];
        List<(HubStream Stream, Tensor Latents)> leaving = [];
        try
        {
            foreach (HubStream stream in served.Where(stream => !stream.Closed && stream.Lane.HasWork))
            {
                Guard(stream, () => ticks.Add((stream, stream.Lane.NextRows())));
            }

            SharedCall.Run(
                ticks, part => (part.Rows.X.shape[2], part.Rows.X.shape[3], part.Rows.Conditioning.Text.shape[1]), part => part.Rows.Count,
                parts => Measure(StreamStage.Denoise, () => Predict([.. parts.Select(part => part.Rows)])),
                (part, prediction) =>
                {
                    part.Stream.Statistics.CountNetworkCall();
                    if (part.Stream.Lane.Complete(part.Rows, prediction) is { } latents)
                    {
                        leaving.Add((part.Stream, latents));
                    }
                },
                (part, error) => part.Stream.Close(error));
            return leaving;
        }
        finally
        {
            ticks.ForEach(tick => tick.Rows.Dispose());
        }
    }

    private void Decode(List<(HubStream Stream, Tensor Latents)> leaving)
    {
        try
        {
            SharedCall.Run(
                leaving, part => (part.Latents.shape[2], part.Latents.shape[3]), part => (int)part.Latents.shape[0],
                parts => Measure(StreamStage.Decode, () => _autoencoder.Decode(cat([.. parts.Select(part => part.Latents)], 0))),
                (part, images) => part.Stream.Reveal(images),
                (part, error) => part.Stream.Close(error));
        }
        finally
        {
            leaving.ForEach(part => part.Latents.Dispose());
        }
    }

    private Tensor Predict(IReadOnlyList<StreamRows> streams)
    {
        int count = streams.Sum(rows => rows.Count);
        Statistics.CountCall(count);
        return _threads.Run(count, () => streams.Count == 1
            ? _denoiser.Predict(streams[0].X, streams[0].Timesteps, streams[0].Conditioning)
            : _denoiser.Predict(
                cat([.. streams.Select(rows => rows.X)], 0), cat([.. streams.Select(rows => rows.Timesteps)], 0),
                Conditioning.Concatenate([.. streams.Select(rows => rows.Conditioning)])));
    }

    /// <summary>Lets newcomers in, and those that have left go.</summary>
    private void Welcome()
    {
        while (_opened.TryDequeue(out HubStream? stream))
        {
            _streams.Add(stream);
        }

        foreach (HubStream stream in _streams.Where(stream => stream.Closed).ToArray())
        {
            _streams.Remove(stream);
            Interlocked.Decrement(ref _count); // before its user learns that it has left
            stream.Remove();
        }

        Statistics.CountStreams(_streams.Count, _streams.Sum(stream => stream.WaitingFrames));
    }

    private TimeSpan UntilNextDrain()
    {
        TimeSpan[] drains = [.. _streams.Select(stream => stream.DrainsIn()).OfType<TimeSpan>()];
        return drains.Length == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Max(1, drains.Min().TotalMilliseconds));
    }

    private static void Guard(HubStream stream, Action work)
    {
        try
        {
            work();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            stream.Close(error);
        }
    }

    private Tensor Measure(StreamStage stage, Func<Tensor> work)
    {
        long start = _time.GetTimestamp();
        Tensor result = work();
        Statistics.Stages[stage].Record(_time.GetElapsedTime(start));
        return result;
    }
}

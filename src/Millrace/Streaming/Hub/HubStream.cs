using System.Collections.Concurrent;
using System.Threading.Channels;
using Millrace.Imaging;
using static TorchSharp.torch;

namespace Millrace.Streaming.Hub;

/// <summary>One user's stream on a <see cref="StreamHub"/>. Frames go in from any thread and never wait; results are read at the reader's own pace.</summary>
public sealed class HubStream : IAsyncDisposable
{
    private readonly StreamHub _hub;
    private readonly StreamHubOptions _hubOptions;
    private readonly TimeProvider _time;
    private readonly StreamLane _lane;
    private readonly StepPolicy? _policy;
    private readonly FrameFit _fit;
    private readonly Queue<Arrival> _waiting = []; // under its own lock
    private readonly ConcurrentQueue<StreamCommand> _commands = new();
    private readonly Dictionary<long, Arrival> _inFlight = [];
    private readonly Channel<HubFrame> _results;
    private readonly TaskCompletionSource _removed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private StreamOptions _asked;
    private long _lastId = -1;
    private long _lastArrival;
    private volatile bool _closed;
    private volatile bool _completed;

    internal HubStream(StreamHub hub, StreamHubOptions hubOptions, StreamLane lane, StreamCommand first, TimeProvider time)
    {
        (_hub, _hubOptions, _lane, _asked, _time) = (hub, hubOptions, lane, lane.Options, time);
        _policy = hubOptions.LatencyTarget is { } target ? new StepPolicy(target) : null;
        _fit = new FrameFit(lane.Options.Width, lane.Options.Height, hubOptions.Fit);
        _results = Channel.CreateBounded<HubFrame>(
            new BoundedChannelOptions(hubOptions.ResultCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true }, _ => CountDropped());
        _commands.Enqueue(first);
    }

    /// <summary>Counters and durations of this stream alone.</summary>
    public StreamStatistics Statistics => _lane.Statistics;

    /// <summary>How its frames are generated at present: as asked for, less the steps that its latency target costs.</summary>
    public StreamOptions Options => _lane.Options;

    /// <summary>When it was served last, counted in streams served; who has waited longest comes first.</summary>
    internal long ServedAt { get; set; }

    internal bool Closed => _closed;

    /// <summary>Whether it asks for a share of the next turn.</summary>
    internal bool Wants => !_closed && (_lane.HasWork || WaitingFrames > 0);

    internal int WaitingFrames
    {
        get
        {
            lock (_waiting)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Rows that it takes in a network call.</summary>
    internal int Rows
    {
        get
        {
            StreamOptions options = _lane.Options;
            return (options.Steps.Count * options.FrameBufferSize) + StreamGuidance.NegativeRows(StreamGuidance.Effective(options), options.Steps.Count, options.FrameBufferSize);
        }
    }

    internal StreamLane Lane => _lane;

    /// <summary>Gives one frame. Never blocks: where the queue is full, the oldest waiting frame of this stream is dropped and counted.</summary>
    /// <param name="frame">Of any size; its id is at least 0 and above all before it. In text-to-image mode its pixels are not looked at.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the id does not rise.</exception>
    /// <exception cref="InvalidOperationException">Where the stream was completed.</exception>
    public void Send(Frame frame)
    {
        Frame fitted = _fit.Apply(frame);
        lock (_waiting)
        {
            if (_completed)
            {
                throw new InvalidOperationException("The stream was completed; it takes no more frames.");
            }

            if (frame.Id <= _lastId)
            {
                throw new ArgumentOutOfRangeException(nameof(frame), $"Frame ids must be at least 0 and rise; {frame.Id} came after {_lastId}.");
            }

            (_lastId, _lastArrival) = (frame.Id, _time.GetTimestamp());
            if (_waiting.Count >= Math.Max(_hubOptions.QueueCapacity, _asked.FrameBufferSize))
            {
                _waiting.Dequeue();
                CountDropped();
            }

            _waiting.Enqueue(new Arrival(fitted, _lastArrival));
        }

        _hub.Wake();
    }

    /// <summary>Changes prompt or options, from the next frame on that enters, whatever the frame id of the command. Safe to call from any thread.</summary>
    /// <exception cref="ArgumentException">Where the options are not valid or change the size.</exception>
    public void Post(StreamCommand command)
    {
        if (command.Options is { } options)
        {
            options.Validate();
            if ((options.Width, options.Height) != (Options.Width, Options.Height))
            {
                throw new ArgumentException($"A running stream keeps its size of {Options.Width} x {Options.Height}, got {options.Width} x {options.Height}.", nameof(command));
            }
        }

        _commands.Enqueue(command);
        _hub.Wake();
    }

    /// <summary>Says that no more frames come: what is in flight is finished, then the results end.</summary>
    public void Complete()
    {
        lock (_waiting)
        {
            _completed = true;
        }

        _hub.Wake();
    }

    /// <summary>Results in order, until the stream is completed or disposed.</summary>
    /// <param name="cancellationToken">Ends the reading, not the stream.</param>
    /// <exception cref="InvalidOperationException">Where the stream failed; the inner exception says why.</exception>
    public IAsyncEnumerable<HubFrame> ReadAllAsync(CancellationToken cancellationToken = default) => _results.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Leaves the hub; frames in flight are forgotten.</summary>
    public async ValueTask DisposeAsync()
    {
        _closed = true;
        _hub.Wake();
        await _removed.Task;
    }

    /// <summary>Before a turn: changes take effect, and a stream without new frames is finished.</summary>
    internal void Prepare(PromptCache prompts)
    {
        while (_commands.TryDequeue(out StreamCommand? command))
        {
            if (command.Prompt is { } prompt)
            {
                _lane.SetPrompt(prompts.Get(prompt, command.NegativePrompt), command.Instant);
            }

            if (command.Options is { } options)
            {
                _asked = options;
                _lane.Update(InForce());
            }
        }

        if (!_lane.InFlight || WaitingFrames > 0)
        {
            if (_completed && !_lane.InFlight && WaitingFrames == 0)
            {
                Close(null);
            }
        }
        else if (!_lane.HasWork && (_completed || DrainsIn() <= TimeSpan.Zero))
        {
            _lane.Drain();
        }
    }

    /// <summary>Time until frames in flight are finished for want of new ones; null where there are none.</summary>
    internal TimeSpan? DrainsIn() => _lane.InFlight ? _hubOptions.DrainAfter - _time.GetElapsedTime(Volatile.Read(ref _lastArrival)) : null;

    /// <summary>Takes waiting frames until the lane has a full group, or none waits.</summary>
    /// <returns>Those that are to be encoded, [1, 3, H, W] each, or null in text-to-image mode; owned by the current dispose scope.</returns>
    internal List<(long Id, Tensor? Image)> Admit()
    {
        List<(long Id, Tensor? Image)> admitted = [];
        while (!_lane.HasWork && admitted.Count < _lane.Missing && TryTake(out Arrival? arrival))
        {
            List<GeneratedImage> left = [];
            Tensor? image = _lane.Options.Mode == StreamMode.TextToImage ? null : PixelConversion.ToTensor(arrival.Frame);
            _inFlight.Add(arrival.Frame.Id, arrival);
            if (_lane.Admit(image, arrival.Frame.Id, left))
            {
                admitted.Add((arrival.Frame.Id, image));
            }

            Deliver(left);
        }

        return admitted;
    }

    /// <summary>Takes the pictures that the lane's last tick gave.</summary>
    /// <param name="images">[f, 3, H, W]; used, not owned.</param>
    internal void Reveal(Tensor images)
    {
        List<GeneratedImage> left = [];
        _lane.Reveal(images, left);
        Deliver(left);
    }

    /// <summary>Leaves the hub; on its thread.</summary>
    internal void Close(Exception? error)
    {
        _closed = true;
        _results.Writer.TryComplete(error is null ? null : new InvalidOperationException($"The stream failed: {error.Message}", error));
    }

    /// <summary>The hub has let go of it; on its thread.</summary>
    internal void Remove()
    {
        Close(null);
        _lane.Dispose();
        _removed.TrySetResult();
    }

    private void Deliver(List<GeneratedImage> left)
    {
        foreach (GeneratedImage image in left)
        {
            using GeneratedImage owned = image;
            if (_inFlight.Remove(image.FrameId, out Arrival? arrival))
            {
                TimeSpan latency = _time.GetElapsedTime(arrival.Sent);
                Frame frame = PixelConversion.ToFrame(image.Image, image.FrameId, arrival.Frame.Timestamp);
                _results.Writer.TryWrite(new HubFrame(frame, latency, image.Repeated, _lane.Options.Steps.Count));
                Statistics.Stages[StreamStage.Total].Record(latency);
                Statistics.CountOut();
                _hub.Statistics.Stages[StreamStage.Total].Record(latency);
                _hub.Statistics.CountOut();
                if (_policy?.Observe(latency, _asked.Steps.Count) == true)
                {
                    _lane.Update(InForce());
                }
            }
        }
    }

    private StreamOptions InForce() => _policy is null ? _asked : _asked with { Steps = _policy.Choose(_asked.Steps) };

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Arrival? arrival)
    {
        lock (_waiting)
        {
            return _waiting.TryDequeue(out arrival);
        }
    }

    private void CountDropped()
    {
        Statistics.CountDropped();
        _hub.Statistics.CountDropped();
    }

    /// <param name="Frame">Fitted to the size of the stream.</param>
    /// <param name="Sent">Timestamp of the clock.</param>
    private sealed record Arrival(Frame Frame, long Sent);
}

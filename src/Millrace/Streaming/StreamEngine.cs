using System.Collections.Concurrent;
using System.Threading.Channels;
using Millrace.Imaging;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// A stream, concurrently: source, pipeline and sink each at their own pace, joined by bounded queues. Reads from top to
/// bottom as a frame flows: <see cref="ReadAsync"/>, <see cref="GenerateAll"/>, <see cref="WriteAsync"/>.
/// </summary>
public sealed class StreamEngine
{
    private readonly StreamPipeline _pipeline;
    private readonly StreamEngineOptions _options;
    private readonly StreamSessionRecorder? _recorder;
    private readonly TimeProvider _time;
    private readonly Queue<StreamCommand> _scheduled;
    private readonly ConcurrentQueue<StreamCommand> _posted = new();
    private readonly ConcurrentQueue<Action> _changes = new();
    private readonly Dictionary<long, Arrival> _inFlight = [];

    /// <summary>Prepares an engine for one run.</summary>
    /// <param name="pipeline">Used, not owned.</param>
    /// <param name="options">How frames move; null means the defaults.</param>
    /// <param name="recorder">Told every frame and every change as they take effect; null records nothing.</param>
    /// <param name="time">Clock; null means the system's.</param>
    /// <exception cref="ArgumentException">Where the options are not valid.</exception>
    public StreamEngine(StreamPipeline pipeline, StreamEngineOptions? options = null, StreamSessionRecorder? recorder = null, TimeProvider? time = null)
    {
        (_pipeline, _options, _recorder, _time) = (pipeline, options ?? new StreamEngineOptions(), recorder, time ?? TimeProvider.System);
        _options.Validate();
        _scheduled = new Queue<StreamCommand>(_options.Commands.OrderBy(command => command.FrameId));
    }

    /// <summary>Counters and durations.</summary>
    public StreamStatistics Statistics => _pipeline.Statistics;

    /// <summary>Changes the running stream from the next frame on. Safe to call from any thread.</summary>
    public void Post(StreamCommand command)
    {
        command.Options?.Validate();
        _posted.Enqueue(command);
    }

    /// <summary>
    /// Changes what the stream uses, such as the scale of a LoRA on its model, before the next frame and between network calls.
    /// Safe to call from any thread. A change that throws ends the run with its exception.
    /// </summary>
    /// <exception cref="InvalidOperationException">While a session is recorded: it would not replay.</exception>
    public void Post(Action change)
    {
        if (_recorder is not null)
        {
            throw new InvalidOperationException("A recorded stream changes through commands alone: its session could not replay another change.");
        }

        _changes.Enqueue(change);
    }

    /// <summary>
    /// Runs until the source ends, then finishes the frames in flight and completes the sink. A cancelled run completes the sink
    /// with the frames that have left until then; a failed one does not complete it.
    /// </summary>
    /// <param name="source">Read once.</param>
    /// <param name="sink">Completed, not disposed.</param>
    /// <param name="progress">Told after every frame that left.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <returns>Whether the source was read to its end.</returns>
    public async Task<bool> RunAsync(IFrameSource source, IFrameSink sink, IProgress<StreamStatistics>? progress = null, CancellationToken cancellationToken = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<Arrival> arrived = Channel.CreateBounded<Arrival>(
            new BoundedChannelOptions(_options.QueueCapacity)
            {
                SingleReader = true,
                SingleWriter = true,
                FullMode = _options.Live ? BoundedChannelFullMode.DropOldest : BoundedChannelFullMode.Wait,
            },
            _ => Statistics.CountDropped());
        Channel<Departure> left = Channel.CreateBounded<Departure>(new BoundedChannelOptions(_options.QueueCapacity) { SingleReader = true, SingleWriter = true });

        await WhenAllOrFirstFailure(
            stop,
            Task.Run(() => ReadAsync(source, arrived.Writer, stop.Token), CancellationToken.None),
            OnThreadOfItsOwn(() => GenerateAll(arrived.Reader, left.Writer, stop.Token)),
            Task.Run(() => WriteAsync(left, sink, progress), CancellationToken.None));
        await sink.CompleteAsync(CancellationToken.None);
        return !cancellationToken.IsCancellationRequested;
    }

    private async Task ReadAsync(IFrameSource source, ChannelWriter<Arrival> arrived, CancellationToken cancellationToken)
    {
        try
        {
            var fit = new FrameFit(_pipeline.Options.Width, _pipeline.Options.Height, _options.Fit);
            long start = _time.GetTimestamp();
            await foreach (Frame frame in source.ReadAsync(cancellationToken))
            {
                Frame fitted = fit.Apply(frame);
                Statistics.Stages[StreamStage.Read].Record(_time.GetElapsedTime(start));
                await arrived.WriteAsync(new Arrival(fitted, _time.GetTimestamp()), cancellationToken);
                start = _time.GetTimestamp();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The end of a cancelled stream; whoever cancelled knows.
        }
        finally
        {
            arrived.Complete();
        }
    }

    private void GenerateAll(ChannelReader<Arrival> arrived, ChannelWriter<Departure> left, CancellationToken cancellationToken)
    {
        try
        {
            while (Wait(arrived.WaitToReadAsync(CancellationToken.None)))
            {
                while (arrived.TryRead(out Arrival? arrival))
                {
                    if (cancellationToken.IsCancellationRequested)
                    {
                        return;
                    }

                    Send(Generate(arrival));
                }
            }

            Send(cancellationToken.IsCancellationRequested ? [] : ToFrames(_pipeline.Flush()));
        }
        finally
        {
            left.TryComplete();
        }

        void Send(List<Departure> departures)
        {
            foreach (Departure departure in departures)
            {
                while (!left.TryWrite(departure) && Wait(left.WaitToWriteAsync(CancellationToken.None)))
                {
                }
            }
        }

        static bool Wait(ValueTask<bool> change) => change.AsTask().GetAwaiter().GetResult();
    }

    private async Task WriteAsync(Channel<Departure> left, IFrameSink sink, IProgress<StreamStatistics>? progress)
    {
        try
        {
            await foreach (Departure departure in left.Reader.ReadAllAsync(CancellationToken.None))
            {
                long start = _time.GetTimestamp();
                await sink.WriteAsync(departure.Frame, CancellationToken.None);
                Statistics.Stages[StreamStage.Write].Record(_time.GetElapsedTime(start));
                Statistics.Stages[StreamStage.Total].Record(_time.GetElapsedTime(departure.Arrived));
                Statistics.CountOut();
                progress?.Report(Statistics);
            }
        }
        finally
        {
            left.Writer.TryComplete(); // nobody waits for a sink that has failed
        }
    }

    private List<Departure> Generate(Arrival arrival)
    {
        List<Departure> departures = ApplyCommands(arrival.Frame.Id);
        _recorder?.Record(arrival.Frame);
        _inFlight.Add(arrival.Frame.Id, arrival);
        using var scope = NewDisposeScope();
        Tensor? image = _pipeline.Options.Mode == StreamMode.TextToImage ? null : PixelConversion.ToTensor(arrival.Frame);
        departures.AddRange(ToFrames(_pipeline.Process(image, arrival.Frame.Id)));
        return departures;
    }

    private List<Departure> ApplyCommands(long frameId)
    {
        List<Departure> departures = [];
        while (_changes.TryDequeue(out Action? change))
        {
            change();
        }

        while ((_scheduled.TryPeek(out StreamCommand? command) && command.FrameId <= frameId && _scheduled.TryDequeue(out command)) || _posted.TryDequeue(out command))
        {
            _recorder?.Record(command with { FrameId = frameId });
            if (command.Prompt is { } prompt)
            {
                _pipeline.SetPrompt(prompt, command.NegativePrompt, command.Instant);
            }

            if (command.Options is { } options)
            {
                departures.AddRange(ToFrames(_pipeline.Update(options)));
            }
        }

        return departures;
    }

    private List<Departure> ToFrames(IReadOnlyList<GeneratedImage> images)
    {
        List<Departure> departures = [];
        foreach (GeneratedImage image in images)
        {
            using GeneratedImage owned = image;
            _inFlight.Remove(image.FrameId, out Arrival? arrival);
            Frame frame = PixelConversion.ToFrame(image.Image, image.FrameId, arrival!.Frame.Timestamp);
            departures.Add(new Departure(_options.SideBySide ? FrameComposition.SideBySide(arrival.Frame, frame) : frame, arrival.Arrived));
        }

        return departures;
    }

    /// <summary>libtorch keeps workers and memory for every thread that has ever called it: all frames of a stream are computed on one, and the caller's workers end.</summary>
    private static Task OnThreadOfItsOwn(Action work)
    {
        OpenMp.EndWorkers();
        return Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Waits for all; the first failure stops the others and is the one that is thrown.</summary>
    private static async Task WhenAllOrFirstFailure(CancellationTokenSource stop, params Task[] stages)
    {
        Exception? failure = null;
        await foreach (Task stage in Task.WhenEach(stages))
        {
            if (stage.Exception?.InnerException is { } error)
            {
                failure ??= error;
                await stop.CancelAsync();
            }
        }

        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <param name="Frame">Fitted to the size of the stream.</param>
    /// <param name="Arrived">Timestamp of the clock.</param>
    private sealed record Arrival(Frame Frame, long Arrived);

    private sealed record Departure(Frame Frame, long Arrived);
}

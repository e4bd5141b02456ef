using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// A stream, synchronously: images in, images out. Similarity filter, encoder, stream batch and decoder in a row, for one
/// thread at a time. Every frame that enters leaves exactly once and in order, a skipped one as its predecessor's picture.
/// </summary>
public sealed class StreamPipeline : IDisposable
{
    private const long Padding = -1;

    private readonly IAutoencoder _autoencoder;
    private readonly ITextEncoder _textEncoder;
    private readonly TimeProvider _time;
    private readonly StreamBatch _batch;
    private readonly List<StreamPrompt> _prompts = []; // the current one last, before it those that frames in flight still use
    private readonly List<(long Id, Tensor Latent)> _waiting = []; // until the frame buffer is full
    private readonly Dictionary<long, List<long>> _repeats = []; // skipped frames, by the frame whose picture they show
    private readonly bool _drainWhenStill;
    private SimilarityFilter? _filter;
    private GeneratedImage? _last;
    private long _lastEntered = Padding;

    /// <summary>Prepares a stream.</summary>
    /// <param name="denoiser">Used, not owned, like the other parts.</param>
    /// <param name="autoencoder">Pixels to latents and back.</param>
    /// <param name="textEncoder">Prompts to hidden states.</param>
    /// <param name="process">The process on which the denoiser was trained.</param>
    /// <param name="options">How to generate.</param>
    /// <param name="prompt">Prompt of the first frames.</param>
    /// <param name="negativePrompt">Its negative; used by <see cref="Guidance.GuidanceType.Full"/> and <see cref="Guidance.GuidanceType.Initialize"/>.</param>
    /// <param name="drainWhenStill">Whether frames in flight are finished as soon as one is skipped, which costs network calls but leaves no moving frame hanging; for live sources.</param>
    /// <param name="time">Clock; null means the system's.</param>
    /// <exception cref="ArgumentException">Where the options do not fit the parts.</exception>
    public StreamPipeline(
        IDenoiser denoiser, IAutoencoder autoencoder, ITextEncoder textEncoder, IDiffusionProcess process, StreamOptions options,
        string prompt = "", string negativePrompt = "", bool drainWhenStill = false, TimeProvider? time = null)
    {
        options.Validate();
        CheckSize(options, autoencoder);
        (_autoencoder, _textEncoder, _drainWhenStill, _time) = (autoencoder, textEncoder, drainWhenStill, time ?? TimeProvider.System);
        _batch = new StreamBatch(denoiser, process, options, (autoencoder.LatentChannels, options.Height / autoencoder.SpatialFactor, options.Width / autoencoder.SpatialFactor));
        _filter = CreateFilter(options);
        SetPrompt(prompt, negativePrompt);
    }

    /// <summary>How frames are generated that enter from now on.</summary>
    public StreamOptions Options => _batch.Options;

    /// <summary>Counters and durations.</summary>
    public StreamStatistics Statistics { get; } = new();

    /// <summary>Sets the prompt of the frames that enter from now on.</summary>
    /// <param name="prompt">The prompt; the empty one is the unconditional.</param>
    /// <param name="negativePrompt">Its negative.</param>
    /// <param name="instant">Whether frames in flight change theirs too.</param>
    public void SetPrompt(string prompt, string negativePrompt = "", bool instant = false)
    {
        using var scope = NewDisposeScope();
        Conditioning both = _textEncoder.Encode([prompt, negativePrompt]);
        Conditioning Row(long row) => both.Row(row).Select(part => part.clone());
        _prompts.Add(new StreamPrompt(Row(0), Row(1)));
        if (instant)
        {
            _batch.Repaint(_prompts[^1]);
        }
    }

    /// <summary>Changes how frames are generated; where that needs an empty batch, finishes the frames in flight first.</summary>
    /// <param name="options">The new options; width and height must stay.</param>
    /// <returns>Frames that left on the way.</returns>
    /// <exception cref="ArgumentException">Where the options are not valid or the size changes.</exception>
    public IReadOnlyList<GeneratedImage> Update(StreamOptions options)
    {
        options.Validate();
        if ((options.Width, options.Height) != (Options.Width, Options.Height))
        {
            throw new ArgumentException($"A running stream keeps its size of {Options.Width} x {Options.Height}, got {options.Width} x {options.Height}.", nameof(options));
        }

        IReadOnlyList<GeneratedImage> left = _batch.NeedsEmptyBatch(options) ? Flush() : [];
        if ((options.SimilarityThreshold, options.MaximumSkips) != (Options.SimilarityThreshold, Options.MaximumSkips))
        {
            _filter?.Dispose();
            _filter = CreateFilter(options);
        }

        _batch.Update(options);
        return left;
    }

    /// <summary>Lets one frame in.</summary>
    /// <param name="image">[1, 3, H, W], float32 in [-1, 1]; null in text-to-image mode.</param>
    /// <param name="frameId">Its id; at least 0 and above all before it.</param>
    /// <returns>Frames that left, in order; none while the batch fills. The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the image has another size, or a value that is not a finite number.</exception>
    public IReadOnlyList<GeneratedImage> Process(Tensor? image, long frameId)
    {
        if (frameId < 0 || frameId <= _lastEntered)
        {
            throw new ArgumentOutOfRangeException(nameof(frameId), $"Frame ids must be at least 0 and rise; {frameId} came after {_lastEntered}.");
        }

        List<GeneratedImage> left = [];
        Statistics.CountIn();
        Tensor? latent = null;
        if (Options.Mode == StreamMode.ImageToImage)
        {
            CheckImage(image, frameId);
            if (_filter?.Passes(image!) == false)
            {
                Skip(frameId, left);
                return left;
            }

            latent = Measure(StreamStage.Encode, () => _autoencoder.Encode(image!)).DetachFromDisposeScope();
        }

        _lastEntered = frameId;
        _waiting.Add((frameId, latent!));
        if (_waiting.Count == Options.FrameBufferSize)
        {
            EnterWaiting(left);
        }

        return left;
    }

    /// <summary>Finishes all frames in flight: the end of a stream.</summary>
    /// <returns>Frames that left, in order; the caller's to dispose.</returns>
    public IReadOnlyList<GeneratedImage> Flush()
    {
        List<GeneratedImage> left = [];
        if (_waiting.Count > 0)
        {
            while (_waiting.Count < Options.FrameBufferSize)
            {
                _waiting.Add((Padding, _waiting[^1].Latent?.clone().DetachFromDisposeScope()!));
            }

            EnterWaiting(left);
        }

        while (_batch.TicksToDrain > 0)
        {
            Leave(Tick(() => _batch.Drain()), left);
        }

        return left;
    }

    /// <summary>Forgets all frames in flight and what the similarity filter has seen.</summary>
    public void Reset()
    {
        _batch.Reset();
        _filter?.Reset();
        ForgetWaiting();
        _repeats.Clear();
    }

    /// <summary>Runs the network on its real shapes until two timings in a row agree, then forgets that it did: the first useful frame is as fast as the rest.</summary>
    /// <param name="ticks">Ticks at least, and four times as many at most.</param>
    /// <param name="cancellationToken">Ends it after the tick in hand.</param>
    public void WarmUp(int ticks = 10, CancellationToken cancellationToken = default)
    {
        using var scope = NewDisposeScope();
        Tensor image = zeros(1, 3, Options.Height, Options.Width);
        TimeSpan before = TimeSpan.MaxValue;
        for (int tick = 0; tick < 4 * ticks && !cancellationToken.IsCancellationRequested; tick++)
        {
            long start = _time.GetTimestamp();
            using Tensor latent = _autoencoder.Encode(image);
            using Tensor group = latent.expand(Options.FrameBufferSize, -1, -1, -1);
            using StreamTick result = _batch.Tick(Options.Mode == StreamMode.TextToImage ? null : group, [.. Enumerable.Repeat(Padding, Options.FrameBufferSize)], _prompts[^1]);
            _autoencoder.Decode(result.Latents).Dispose();
            TimeSpan elapsed = _time.GetElapsedTime(start);
            bool steady = Math.Abs((elapsed - before) / elapsed) < 0.05;
            before = elapsed;
            if (steady && tick + 1 >= ticks)
            {
                break;
            }
        }

        _batch.Restart();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _batch.Dispose();
        _filter?.Dispose();
        _last?.Dispose();
        ForgetWaiting();
        _prompts.ForEach(prompt => prompt.Dispose());
        _prompts.Clear();
    }

    private void EnterWaiting(List<GeneratedImage> left)
    {
        using var scope = NewDisposeScope();
        Tensor? latents = Options.Mode == StreamMode.TextToImage ? null : cat([.. _waiting.Select(frame => frame.Latent)], 0);
        long[] ids = [.. _waiting.Select(frame => frame.Id)];
        ForgetWaiting();
        Leave(Tick(() => _batch.Tick(latents, ids, _prompts[^1])), left);
        foreach (StreamPrompt unused in _prompts.SkipLast(1).Where(prompt => !_batch.Uses(prompt)).ToArray())
        {
            _prompts.Remove(unused);
            unused.Dispose();
        }
    }

    private StreamTick Tick(Func<StreamTick> tick)
    {
        Statistics.CountNetworkCall();
        return Measure(StreamStage.Denoise, tick);
    }

    private void Leave(StreamTick tick, List<GeneratedImage> left)
    {
        using StreamTick result = tick;
        if (!result.Ready || result.FrameIds.All(id => id == Padding))
        {
            return;
        }

        using var scope = NewDisposeScope();
        Tensor images = Measure(StreamStage.Decode, () => _autoencoder.Decode(result.Latents));
        for (int index = 0; index < result.FrameIds.Count; index++)
        {
            if (result.FrameIds[index] is var id && id != Padding)
            {
                _last?.Dispose();
                _last = new GeneratedImage(id, images.narrow(0, index, 1).clone().DetachFromDisposeScope(), Repeated: false);
                left.Add(_last with { Image = _last.Image.alias().DetachFromDisposeScope() });
                if (_repeats.Remove(id, out List<long>? skipped))
                {
                    left.AddRange(skipped.Select(RepeatLast));
                }
            }
        }
    }

    private void Skip(long frameId, List<GeneratedImage> left)
    {
        Statistics.CountSkipped();
        if (_drainWhenStill && _last?.FrameId != _lastEntered)
        {
            left.AddRange(Flush());
        }

        if (_last?.FrameId == _lastEntered)
        {
            left.Add(RepeatLast(frameId));
        }
        else if (!_repeats.TryAdd(_lastEntered, [frameId]))
        {
            _repeats[_lastEntered].Add(frameId);
        }
    }

    private GeneratedImage RepeatLast(long frameId) => new(frameId, _last!.Image.alias().DetachFromDisposeScope(), Repeated: true);

    private T Measure<T>(StreamStage stage, Func<T> work)
    {
        long start = _time.GetTimestamp();
        T result = work();
        Statistics.Stages[stage].Record(_time.GetElapsedTime(start));
        return result;
    }

    private void ForgetWaiting()
    {
        _waiting.ForEach(frame => frame.Latent?.Dispose());
        _waiting.Clear();
    }

    private void CheckImage(Tensor? image, long frameId)
    {
        if (image is null || !image.shape.AsSpan().SequenceEqual([1, 3, Options.Height, Options.Width]) || image.dtype != ScalarType.Float32)
        {
            string seen = image is null ? "none" : $"[{string.Join(", ", image.shape)}] {image.dtype}";
            throw new ArgumentException($"Frame {frameId} must be an image [1, 3, {Options.Height}, {Options.Width}] Float32, got {seen}.", nameof(image));
        }

        using Tensor sum = image.sum();
        if (!float.IsFinite(sum.item<float>()))
        {
            throw new ArgumentException($"Frame {frameId} holds a value that is not a finite number.", nameof(image));
        }
    }

    private static void CheckSize(StreamOptions options, IAutoencoder autoencoder)
    {
        int factor = autoencoder.SpatialFactor;
        if (options.Width % factor != 0 || options.Height % factor != 0)
        {
            throw new ArgumentException($"Width and height must be multiples of {factor}, the factor of the autoencoder; got {options.Width} x {options.Height}.", nameof(options));
        }
    }

    private static SimilarityFilter? CreateFilter(StreamOptions options) =>
        options.SimilarityThreshold is { } threshold and < 1 ? new SimilarityFilter(threshold, options.MaximumSkips, options.Seed) : null;
}

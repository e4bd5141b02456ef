using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// One stream's own state: filter, prompts, stream batch, and which frame waits for which. It calls no network itself, so that a
/// driver can serve one lane (<see cref="StreamPipeline"/>) or many in the same calls (<see cref="Hub.StreamHub"/>). For one thread at a time.
/// </summary>
/// <remarks>
/// A driver offers each frame to <see cref="Admit"/>, gives the latent of an admitted one to <see cref="Enter"/>, then, while the lane
/// <see cref="HasWork"/>: <see cref="NextRows"/>, the network, <see cref="Complete"/>, the decoder, <see cref="Reveal"/>.
/// </remarks>
internal sealed class StreamLane : IDisposable
{
    private const long Padding = -1;

    private readonly StreamBatch _batch;
    private readonly bool _drainWhenStill;
    private readonly List<StreamPrompt> _prompts = []; // the current one last, before it those that frames in flight still use
    private readonly List<(long Id, Tensor? Latent)> _waiting = []; // until the frame buffer is full
    private readonly Dictionary<long, List<long>> _repeats = []; // skipped frames, by the frame whose picture they show
    private SimilarityFilter? _filter;
    private StreamOptions? _pending; // in force once the batch is empty
    private IReadOnlyList<long> _leaving = [];
    private GeneratedImage? _last;
    private long _lastEntered = Padding;
    private bool _draining;

    /// <summary>Prepares a stream without a prompt.</summary>
    /// <exception cref="ArgumentException">Where the options do not fit the parts.</exception>
    public StreamLane(IDenoiser denoiser, IAutoencoder autoencoder, IDiffusionProcess process, StreamOptions options, bool drainWhenStill)
    {
        options.Validate();
        int factor = autoencoder.SpatialFactor;
        if (options.Width % factor != 0 || options.Height % factor != 0)
        {
            throw new ArgumentException($"Width and height must be multiples of {factor}, the factor of the autoencoder; got {options.Width} x {options.Height}.", nameof(options));
        }

        _drainWhenStill = drainWhenStill;
        _batch = new StreamBatch(denoiser, process, options, (autoencoder.LatentChannels, options.Height / factor, options.Width / factor));
        _filter = CreateFilter(options);
    }

    /// <summary>How frames are generated that enter from now on.</summary>
    public StreamOptions Options => _pending ?? _batch.Options;

    /// <summary>Counters and durations.</summary>
    public StreamStatistics Statistics { get; } = new();

    /// <summary>Whether frames have entered that have not left.</summary>
    public bool InFlight => _waiting.Count > 0 || _batch.TicksToDrain > 0;

    /// <summary>Frames that a full group still lacks.</summary>
    public int Missing => _batch.Options.FrameBufferSize - _waiting.Count;

    /// <summary>Whether the network is wanted before the next frame can be admitted.</summary>
    public bool HasWork => _draining ? InFlight : _waiting.Count >= _batch.Options.FrameBufferSize;

    /// <summary>Sets the prompt of the frames that enter from now on; takes ownership.</summary>
    /// <param name="prompt">Encoded.</param>
    /// <param name="instant">Whether frames in flight change theirs too.</param>
    public void SetPrompt(StreamPrompt prompt, bool instant = false)
    {
        _prompts.Add(prompt);
        if (instant)
        {
            _batch.Repaint(prompt);
        }
    }

    /// <summary>Changes how frames are generated; where that needs an empty batch, once those in flight have left.</summary>
    /// <exception cref="ArgumentException">Where the options are not valid or the size changes.</exception>
    public void Update(StreamOptions options)
    {
        options.Validate();
        if ((options.Width, options.Height) != (Options.Width, Options.Height))
        {
            throw new ArgumentException($"A running stream keeps its size of {Options.Width} x {Options.Height}, got {options.Width} x {options.Height}.", nameof(options));
        }

        _pending = options;
        if (_batch.NeedsEmptyBatch(options))
        {
            Drain();
        }
        else if (!_draining)
        {
            Apply();
        }
    }

    /// <summary>Asks that all frames in flight be finished before another enters.</summary>
    public void Drain()
    {
        _draining = true;
        EndDrain();
    }

    /// <summary>Offers a frame.</summary>
    /// <param name="image">[1, 3, H, W], float32 in [-1, 1]; null in text-to-image mode.</param>
    /// <param name="frameId">Its id; at least 0 and above all before it.</param>
    /// <param name="left">Where the filter skips the frame and its picture is there already, receives it.</param>
    /// <returns>Whether the frame is to enter.</returns>
    /// <exception cref="ArgumentException">Where the image has another size, or a value that is not a finite number.</exception>
    public bool Admit(Tensor? image, long frameId, List<GeneratedImage> left)
    {
        if (frameId < 0 || frameId <= _lastEntered)
        {
            throw new ArgumentOutOfRangeException(nameof(frameId), $"Frame ids must be at least 0 and rise; {frameId} came after {_lastEntered}.");
        }

        Statistics.CountIn();
        if (Options.Mode == StreamMode.ImageToImage)
        {
            CheckImage(image, frameId);
            if (_filter?.Passes(image!) == false)
            {
                Skip(frameId, left);
                return false;
            }
        }

        return true;
    }

    /// <summary>Lets an admitted frame in.</summary>
    /// <param name="frameId">Its id.</param>
    /// <param name="latent">[1, C, h, w]; taken over. Null in text-to-image mode.</param>
    public void Enter(long frameId, Tensor? latent)
    {
        _lastEntered = frameId;
        _waiting.Add((frameId, latent?.DetachFromDisposeScope()));
    }

    /// <summary>Lets a whole group in that nobody waits for: to warm up.</summary>
    /// <param name="latent">[1, C, h, w]; used, not owned.</param>
    public void EnterPadding(Tensor latent)
    {
        while (_waiting.Count < _batch.Options.FrameBufferSize)
        {
            _waiting.Add((Padding, latent.clone().DetachFromDisposeScope()));
        }
    }

    /// <summary>What the network is to predict next; the caller's to dispose.</summary>
    public StreamRows NextRows()
    {
        if (_waiting.Count == 0)
        {
            return _batch.EnterNothing();
        }

        int f = _batch.Options.FrameBufferSize;
        while (_waiting.Count < f)
        {
            _waiting.Add((Padding, _waiting[^1].Latent?.clone().DetachFromDisposeScope()));
        }

        using var scope = NewDisposeScope();
        Tensor? latents = _batch.Options.Mode == StreamMode.TextToImage ? null : cat([.. _waiting.Take(f).Select(frame => frame.Latent!)], 0);
        return _batch.Enter(latents, [.. _waiting.Take(f).Select(frame => frame.Id)], _prompts[^1]);
    }

    /// <summary>Takes the network's answer to <see cref="NextRows"/>.</summary>
    /// <param name="rows">Used, not owned.</param>
    /// <param name="prediction">Used, not owned.</param>
    /// <returns>Latents to decode for <see cref="Reveal"/>, [f, C, h, w], the caller's to dispose; null where no frame leaves.</returns>
    public Tensor? Complete(StreamRows rows, Tensor prediction)
    {
        StreamTick tick = _batch.Complete(rows, prediction);
        ForgetWaiting(Math.Min(_waiting.Count, _batch.Options.FrameBufferSize));
        ForgetPrompts();
        _leaving = tick.FrameIds;
        EndDrain();
        if (_leaving.All(id => id == Padding))
        {
            tick.Dispose();
            return null;
        }

        return tick.Latents;
    }

    /// <summary>Takes the pictures of the latents that <see cref="Complete"/> gave.</summary>
    /// <param name="images">[f, 3, H, W]; used, not owned.</param>
    /// <param name="left">Receives the pictures that leave, in order; the receiver's to dispose.</param>
    public void Reveal(Tensor images, List<GeneratedImage> left)
    {
        using var scope = NewDisposeScope();
        for (int index = 0; index < _leaving.Count; index++)
        {
            if (_leaving[index] is var id && id != Padding)
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

    /// <summary>Forgets all frames in flight and what the similarity filter has seen.</summary>
    public void Reset()
    {
        _batch.Reset();
        _filter?.Reset();
        ForgetWaiting(_waiting.Count);
        _repeats.Clear();
        EndDrain();
    }

    /// <summary>Forgets all frames in flight and all randomness drawn: as after a warm-up that nobody shall notice.</summary>
    public void Restart() => _batch.Restart();

    /// <inheritdoc/>
    public void Dispose()
    {
        _batch.Dispose();
        _filter?.Dispose();
        _last?.Dispose();
        ForgetWaiting(_waiting.Count);
        _prompts.ForEach(prompt => prompt.Dispose());
        _prompts.Clear();
    }

    private void Skip(long frameId, List<GeneratedImage> left)
    {
        Statistics.CountSkipped();
        if (_last?.FrameId == _lastEntered)
        {
            left.Add(RepeatLast(frameId));
            return;
        }

        if (!_repeats.TryAdd(_lastEntered, [frameId]))
        {
            _repeats[_lastEntered].Add(frameId);
        }

        if (_drainWhenStill)
        {
            Drain();
        }
    }

    private void EndDrain()
    {
        if (_draining && !InFlight)
        {
            _draining = false;
            Apply();
        }
    }

    private void Apply()
    {
        if (_pending is { } options)
        {
            if ((options.SimilarityThreshold, options.MaximumSkips) != (_batch.Options.SimilarityThreshold, _batch.Options.MaximumSkips))
            {
                _filter?.Dispose();
                _filter = CreateFilter(options);
            }

            _batch.Update(options);
            _pending = null;
        }
    }

    private GeneratedImage RepeatLast(long frameId) => new(frameId, _last!.Image.alias().DetachFromDisposeScope(), Repeated: true);

    private void ForgetWaiting(int count)
    {
        _waiting.Take(count).ToList().ForEach(frame => frame.Latent?.Dispose());
        _waiting.RemoveRange(0, count);
    }

    private void ForgetPrompts()
    {
        foreach (StreamPrompt unused in _prompts.SkipLast(1).Where(prompt => !_batch.Uses(prompt)).ToArray())
        {
            _prompts.Remove(unused);
            unused.Dispose();
        }
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

    private static SimilarityFilter? CreateFilter(StreamOptions options) =>
        options.SimilarityThreshold is { } threshold and < 1 ? new SimilarityFilter(threshold, options.MaximumSkips, options.Seed) : null;
}

using Millrace.Processes;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// A stream, synchronously: images in, images out. Similarity filter, encoder, stream batch and decoder in a row, for one
/// thread at a time. Every frame that enters leaves exactly once and in order, a skipped one as its predecessor's picture.
/// </summary>
public sealed class StreamPipeline : IDisposable
{
    private readonly IDenoiser _denoiser;
    private readonly IAutoencoder _autoencoder;
    private readonly ITextEncoder _textEncoder;
    private readonly TimeProvider _time;
    private readonly StreamLane _lane;
    private readonly ThreadGovernor _threads;

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
        (_denoiser, _autoencoder, _textEncoder, _time) = (denoiser, autoencoder, textEncoder, time ?? TimeProvider.System);
        _lane = new StreamLane(denoiser, autoencoder, process, options, drainWhenStill);
        _threads = new ThreadGovernor(_time);
        SetPrompt(prompt, negativePrompt);
    }

    /// <summary>How frames are generated that enter from now on.</summary>
    public StreamOptions Options => _lane.Options;

    /// <summary>
    /// Whether every network call runs on as many threads as the one before, as the same bits in a replay demand: sums may be
    /// rounded otherwise on another number. Without it a call goes to one thread while other programs need the cores.
    /// </summary>
    public bool SteadyThreads { get; init; }

    /// <summary>Counters and durations.</summary>
    public StreamStatistics Statistics => _lane.Statistics;

    /// <summary>Sets the prompt of the frames that enter from now on.</summary>
    /// <param name="prompt">The prompt; the empty one is the unconditional.</param>
    /// <param name="negativePrompt">Its negative.</param>
    /// <param name="instant">Whether frames in flight change theirs too.</param>
    public void SetPrompt(string prompt, string negativePrompt = "", bool instant = false) =>
        _lane.SetPrompt(StreamPrompt.Encode(_textEncoder, prompt, negativePrompt), instant);

    /// <summary>Changes how frames are generated; where that needs an empty batch, finishes the frames in flight first.</summary>
    /// <param name="options">The new options; width and height must stay.</param>
    /// <returns>Frames that left on the way.</returns>
    /// <exception cref="ArgumentException">Where the options are not valid or the size changes.</exception>
    public IReadOnlyList<GeneratedImage> Update(StreamOptions options)
    {
        _lane.Update(options);
        return Advance([]);
    }

    /// <summary>Lets one frame in.</summary>
    /// <param name="image">[1, 3, H, W], float32 in [-1, 1]; null in text-to-image mode.</param>
    /// <param name="frameId">Its id; at least 0 and above all before it.</param>
    /// <returns>Frames that left, in order; none while the batch fills. The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the image has another size, or a value that is not a finite number.</exception>
    public IReadOnlyList<GeneratedImage> Process(Tensor? image, long frameId)
    {
        List<GeneratedImage> left = [];
        if (_lane.Admit(image, frameId, left))
        {
            _lane.Enter(frameId, Options.Mode == StreamMode.TextToImage ? null : Measure(StreamStage.Encode, () => _autoencoder.Encode(image!)));
        }

        return Advance(left);
    }

    /// <summary>Finishes all frames in flight: the end of a stream.</summary>
    /// <returns>Frames that left, in order; the caller's to dispose.</returns>
    public IReadOnlyList<GeneratedImage> Flush()
    {
        _lane.Drain();
        return Advance([]);
    }

    /// <summary>Forgets all frames in flight and what the similarity filter has seen.</summary>
    public void Reset() => _lane.Reset();

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
            _lane.EnterPadding(latent);
            Denoise()?.Dispose();
            using Tensor group = latent.expand(Options.FrameBufferSize, -1, -1, -1);
            _autoencoder.Decode(group).Dispose();
            TimeSpan elapsed = _time.GetElapsedTime(start);
            bool steady = Math.Abs((elapsed - before) / elapsed) < 0.05;
            before = elapsed;
            if (steady && tick + 1 >= ticks)
            {
                break;
            }
        }

        _lane.Restart();
    }

    /// <inheritdoc/>
    public void Dispose() => _lane.Dispose();

    private List<GeneratedImage> Advance(List<GeneratedImage> left)
    {
        while (_lane.HasWork)
        {
            Statistics.CountNetworkCall();
            using Tensor? latents = Measure(StreamStage.Denoise, Denoise);
            if (latents is not null)
            {
                using Tensor images = Measure(StreamStage.Decode, () => _autoencoder.Decode(latents));
                _lane.Reveal(images, left);
            }
        }

        return left;
    }

    private Tensor? Denoise()
    {
        using StreamRows rows = _lane.NextRows();
        Tensor Predict() => _denoiser.Predict(rows.X, rows.Timesteps, rows.Conditioning);
        using Tensor prediction = SteadyThreads ? Predict() : _threads.Run(rows.Count, Predict);
        return _lane.Complete(rows, prediction);
    }

    private T Measure<T>(StreamStage stage, Func<T> work)
    {
        long start = _time.GetTimestamp();
        T result = work();
        Statistics.Stages[stage].Record(_time.GetElapsedTime(start));
        return result;
    }
}

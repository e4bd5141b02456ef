using Millrace.Guidance;
using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// The stream batch: every tick one group of frames enters, all groups move on by one noise level in ONE network call, and
/// the oldest leaves. Group 0 is the newest, at the strongest noise; group n-1 the oldest.
/// </summary>
/// <remarks>
/// Kodaira et al. 2023, arXiv 2312.12491, section 3.1, in the general form for f frames a group. State moves from tick to tick in
/// tensors of shape [n, f, C, h, w]; every frame keeps the prompt and the levels under which it entered. A tick has two halves,
/// <see cref="Enter"/> and <see cref="Complete"/>, with the network call between them, so that several streams can share the call.
/// </remarks>
public sealed class StreamBatch : IDisposable
{
    private readonly IDenoiser _denoiser;
    private readonly IDiffusionProcess _process;
    private readonly long[] _latentShape; // C, h, w
    private readonly StreamConditioning _conditioning = new();
    private readonly StreamNoise _noise;
    private readonly List<StreamGroup> _inFlight = []; // groups that entered, newest first; at most n - 1 between ticks
    private StreamLevels _levels;
    private Tensor _buffer; // [n - 1, f, C, h, w]: x_t of groups 1..n-1
    private Tensor _earlier; // [n - 1, f, C, h, w]: what groups 1..n-1 were estimated to be one level before
    private Tensor _stock; // [n, f, C, h, w]
    private LevelConstants? _constants;

    /// <summary>Starts an empty batch.</summary>
    /// <param name="denoiser">Used, not owned. What it predicts is converted to clean samples.</param>
    /// <param name="process">The process it was trained on.</param>
    /// <param name="options">How to generate.</param>
    /// <param name="latentShape">Channels, height and width of a latent.</param>
    /// <param name="noise">The noise of each level, [n, 1 or f, C, h, w]; copied. Null draws it from the options' seed.</param>
    /// <exception cref="ArgumentException">Where the options or the shape of the noise are not valid.</exception>
    public StreamBatch(IDenoiser denoiser, IDiffusionProcess process, StreamOptions options, (int Channels, int Height, int Width) latentShape, Tensor? noise = null)
    {
        options.Validate();
        (_denoiser, _process, Options) = (denoiser, process, options);
        _latentShape = [latentShape.Channels, latentShape.Height, latentShape.Width];
        _levels = new StreamLevels(process, options);
        _noise = new StreamNoise(options, _latentShape, noise);
        (_buffer, _earlier, _stock) = Empty();
    }

    /// <summary>How frames are generated that enter from now on; guidance applies to all.</summary>
    public StreamOptions Options { get; private set; }

    /// <summary>Number of levels n.</summary>
    public int Depth => _levels.Count;

    /// <summary>Ticks after which what is in flight has left; 0 where nothing is.</summary>
    public int TicksToDrain => _inFlight.Count == 0 ? 0 : Depth - 1 - _inFlight.FindIndex(group => group.FrameIds.Count > 0);

    /// <summary>Virtual noise of each row after the last tick, [n f, C, h, w]: a x_0 + b stock = x_t. For verification; the caller's to dispose.</summary>
    public Tensor StockNoise => _stock.flatten(0, 1).clone();

    /// <summary>x_t of the newest group in the last tick, [f, C, h, w]. For verification; the caller's to dispose; null before the first tick.</summary>
    public Tensor? LastInput { get; private set; }

    /// <summary>Whether a frame in flight was entered under <paramref name="prompt"/>.</summary>
    public bool Uses(StreamPrompt prompt) => _inFlight.Any(group => group.Prompt == prompt) || _conditioning.Uses(prompt);

    /// <summary>Lets one group of frames in, and the oldest out.</summary>
    /// <returns>What left; the caller's to dispose.</returns>
    /// <inheritdoc cref="Enter" path="/param"/>
    /// <inheritdoc cref="Enter" path="/exception"/>
    public StreamTick Tick(Tensor? latents, IReadOnlyList<long> frameIds, StreamPrompt prompt)
    {
        using StreamRows rows = Enter(latents, frameIds, prompt);
        return Predict(rows);
    }

    /// <summary>One tick in which nothing enters: for the frames in flight at the end of a stream.</summary>
    /// <returns>What left; the caller's to dispose. Not ready where nothing was in flight.</returns>
    /// <exception cref="InvalidOperationException">Where nothing has ever entered.</exception>
    public StreamTick Drain()
    {
        using StreamRows rows = EnterNothing();
        return Predict(rows);
    }

    /// <summary>The first half of a tick: the rows of a new group at the first level, before those in flight.</summary>
    /// <param name="latents">Clean latents, [f, C, h, w], float32; null in text-to-image mode.</param>
    /// <param name="frameIds">Ids of the f frames.</param>
    /// <param name="prompt">The prompt of these frames; used, not owned, until they have left.</param>
    /// <returns>What the network is to predict; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where a shape does not fit.</exception>
    internal StreamRows Enter(Tensor? latents, IReadOnlyList<long> frameIds, StreamPrompt prompt)
    {
        if (frameIds.Count != Options.FrameBufferSize)
        {
            throw new ArgumentException($"A tick takes {Options.FrameBufferSize} frames, got {frameIds.Count} ids.", nameof(frameIds));
        }

        using var scope = NewDisposeScope();
        Tensor? clean = Options.Mode == StreamMode.TextToImage ? null : CheckLatents(latents).unsqueeze(0);
        Tensor fresh = clean is null ? _noise.Fresh(frameIds.Count) : _noise.Levels.narrow(0, 0, 1).expand([1, frameIds.Count, .. _latentShape]);
        return Rows(clean, fresh, new StreamGroup(frameIds, prompt, _levels));
    }

    /// <summary>The first half of a tick in which nothing enters.</summary>
    /// <returns>What the network is to predict; the caller's to dispose.</returns>
    /// <exception cref="InvalidOperationException">Where nothing is in flight.</exception>
    internal StreamRows EnterNothing()
    {
        StreamGroup newest = _inFlight.FirstOrDefault() ?? throw new InvalidOperationException("Nothing is in flight.");
        using var scope = NewDisposeScope();
        Tensor nothing = zeros([1, Options.FrameBufferSize, .. _latentShape]);
        return Rows(nothing, nothing, new StreamGroup([], newest.Prompt, _levels));
    }

    /// <summary>Forgets all frames in flight.</summary>
    public void Reset()
    {
        _inFlight.Clear();
        using Tensor buffer = _buffer, earlier = _earlier, stock = _stock;
        (_buffer, _earlier, _stock) = Empty();
    }

    /// <summary>Forgets all frames in flight and all randomness drawn: the batch is as it was when made.</summary>
    public void Restart()
    {
        Reset();
        _noise.Restart();
    }

    /// <summary>Puts another prompt under the frames in flight, at once.</summary>
    public void Repaint(StreamPrompt prompt)
    {
        for (int index = 0; index < _inFlight.Count; index++)
        {
            _inFlight[index] = _inFlight[index] with { Prompt = prompt };
        }
    }

    /// <summary>
    /// Changes how frames are generated. Guidance applies to all frames from the next tick; levels, where their number stays,
    /// to frames that enter from now on. Another number of levels or size of buffer needs an empty batch: <see cref="Drain"/> it first.
    /// </summary>
    /// <exception cref="ArgumentException">Where the options are not valid.</exception>
    /// <exception cref="InvalidOperationException">Where the change needs an empty batch and frames are in flight.</exception>
    public void Update(StreamOptions options)
    {
        options.Validate();
        var levels = new StreamLevels(_process, options);
        bool reshaped = NeedsEmptyBatch(options), reseeded = reshaped || options.Seed != Options.Seed || options.ShareNoise != Options.ShareNoise;
        if (reshaped && TicksToDrain > 0)
        {
            throw new InvalidOperationException($"{_inFlight.Count} groups of frames are in flight; drain them before the number of steps or the frame buffer changes.");
        }

        Options = options;
        _levels = levels.IsSame(_levels) ? _levels : levels;
        if (reseeded)
        {
            _noise.Renew(options);
        }

        if (reshaped)
        {
            Reset();
        }
    }

    /// <summary>Whether a change to <paramref name="options"/> needs an empty batch.</summary>
    public bool NeedsEmptyBatch(StreamOptions options) =>
        options.Steps.Count != Options.Steps.Count || options.FrameBufferSize != Options.FrameBufferSize || options.Mode != Options.Mode;

    /// <inheritdoc/>
    public void Dispose()
    {
        _noise.Dispose();
        _buffer.Dispose();
        _earlier.Dispose();
        _stock.Dispose();
        _constants?.Dispose();
        _conditioning.Dispose();
        LastInput?.Dispose();
    }

    /// <summary>The second half of a tick, line by line as in the paper.</summary>
    /// <param name="rows">What <see cref="Enter"/> or <see cref="EnterNothing"/> gave last; used, not owned.</param>
    /// <param name="prediction">The network's answer to it, [rows, C, h, w], float32; used, not owned.</param>
    /// <returns>What left; the caller's to dispose.</returns>
    internal StreamTick Complete(StreamRows rows, Tensor prediction)
    {
        using var scope = NewDisposeScope();
        LevelConstants at = rows.At;
        Tensor x = rows.X.narrow(0, rows.Count - (Depth * Options.FrameBufferSize), Depth * Options.FrameBufferSize).unflatten(0, Depth, Options.FrameBufferSize);
        (Tensor negative, Tensor positive) = ToSample(rows, prediction);
        (Tensor clean, Tensor stock) = StreamGuidance.Combine(rows, negative, positive, x, Options);

        Tensor sample = (at.Out * clean).Plus(at.Skip * x);
        Tensor next = (at.OfX * x).Plus(at.OfSample * sample).Plus(at.OfEarlier * cat([zeros_like(rows.Input), _earlier], 0));
        if (Options.AddNoise)
        {
            next = next.Plus(at.OfNoise * _noise.Levels.roll(-1, 0)); // group i meets the noise of level i + 1; the last group leaves
        }

        Tensor input = x.Minus(at.Sigma * stock) * at.InverseAlpha; // what the virtual noise leads back to
        Replace(ref _buffer, next.narrow(0, 0, Depth - 1));
        Replace(ref _earlier, sample.narrow(0, 0, Depth - 1));
        Replace(ref _stock, next.Minus(at.NextAlpha * input) / at.NextSigma);
        LastInput?.Dispose();
        LastInput = Own(rows.Input.squeeze(0).clone());
        _inFlight.Clear();
        _inFlight.AddRange(rows.Groups.Take(Depth - 1));
        while (_inFlight.Count > 0 && _inFlight[^1].FrameIds.Count == 0)
        {
            _inFlight.RemoveAt(_inFlight.Count - 1);
        }

        return new StreamTick(rows.Groups[^1].FrameIds, Own(sample[Depth - 1].clone()));
    }

    private StreamTick Predict(StreamRows rows)
    {
        using Tensor prediction = _denoiser.Predict(rows.X, rows.Timesteps, rows.Conditioning);
        return Complete(rows, prediction);
    }

    private StreamRows Rows(Tensor? clean, Tensor noise, StreamGroup entering)
    {
        int n = Depth, f = Options.FrameBufferSize;
        List<StreamGroup> groups = [entering, .. _inFlight];
        groups.AddRange(Enumerable.Repeat(new StreamGroup([], entering.Prompt, _levels), n - groups.Count));
        LevelConstants at = ConstantsFor(groups);
        GuidanceType guidance = StreamGuidance.Effective(Options);
        int negativeGroups = StreamGuidance.NegativeRows(guidance, n, f) / f;
        Conditioning conditioning = _conditioning.For([.. groups.Select(group => group.Prompt)], negativeGroups, f);

        // Row group 0 is the newest frame at the first level, then the buffer.
        Tensor input = clean is null ? noise : (at.Alpha.narrow(0, 0, 1) * clean).Plus(at.Sigma.narrow(0, 0, 1) * noise);
        Tensor x = cat([input, _buffer], 0); // [n, f, C, h, w]
        return new StreamRows
        {
            X = Own(cat([x.narrow(0, 0, negativeGroups), x], 0).flatten(0, 1)),
            Timesteps = Own(cat([at.Timesteps.narrow(0, 0, negativeGroups * f), at.Timesteps], 0)),
            Conditioning = conditioning,
            Groups = groups,
            At = at,
            Guidance = guidance,
            Input = Own(input.clone()),
            Stock = Own(cat([noise, _stock.narrow(0, 0, n - 1)], 0)), // the virtual noise moves with its frame
        };
    }

    /// <summary>Predictions as clean samples, [negative groups or n, f, C, h, w].</summary>
    private (Tensor Negative, Tensor Positive) ToSample(StreamRows rows, Tensor prediction)
    {
        int n = Depth, f = Options.FrameBufferSize, negativeGroups = (rows.Count / f) - n;
        Tensor Constant(Tensor column) => cat([column.narrow(0, 0, negativeGroups), column], 0);
        Tensor sample = PredictionConversion.ToSample(
            _denoiser.Prediction, prediction.unflatten(0, negativeGroups + n, f), rows.X.unflatten(0, negativeGroups + n, f), Constant(rows.At.Alpha), Constant(rows.At.Sigma));
        return (sample.narrow(0, 0, negativeGroups), sample.narrow(0, negativeGroups, n));
    }

    private LevelConstants ConstantsFor(List<StreamGroup> groups)
    {
        StreamLevels[] levels = [.. groups.Select(group => group.Levels)];
        if (_constants is null || !_constants.IsFor(levels))
        {
            _constants?.Dispose();
            _constants = new LevelConstants(levels, Options.FrameBufferSize);
        }

        return _constants;
    }

    private Tensor CheckLatents(Tensor? latents) =>
        latents is not null && latents.dim() == 4 && latents.shape[0] == Options.FrameBufferSize && latents.shape.AsSpan(1).SequenceEqual(_latentShape)
            ? latents
            : throw new ArgumentException(
                $"A tick takes latents [{Options.FrameBufferSize}, {string.Join(", ", _latentShape)}], got {(latents is null ? "none" : $"[{string.Join(", ", latents.shape)}]")}.", nameof(latents));

    private (Tensor Buffer, Tensor Earlier, Tensor Stock) Empty()
    {
        Tensor Zeros(int groups) => Own(zeros([groups, Options.FrameBufferSize, .. _latentShape]));
        return (Zeros(Depth - 1), Zeros(Depth - 1), Zeros(Depth));
    }

    private static Tensor Own(Tensor tensor) => tensor.DetachFromDisposeScope();

    private static void Replace(ref Tensor state, Tensor value)
    {
        state.Dispose();
        state = Own(value.clone());
    }
}

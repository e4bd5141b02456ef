using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>All randomness of a stream batch, a function of the options' seed.</summary>
internal sealed class StreamNoise : IDisposable
{
    private readonly long[] _latentShape; // C, h, w
    private long _seed;
    private Generator _fresh;

    /// <summary>Draws the noise of the levels, or copies one that is given.</summary>
    /// <exception cref="ArgumentException">Where the shape of the given one does not fit.</exception>
    public StreamNoise(StreamOptions options, long[] latentShape, Tensor? levels)
    {
        _latentShape = latentShape;
        _seed = options.Seed;
        Levels = (levels is null ? Draw(options) : Check(levels, options).clone()).DetachFromDisposeScope();
        _fresh = FreshGenerator();
    }

    /// <summary>The noise of each level, [n, 1 or f, C, h, w]: the same for every frame, which is what keeps neighbouring frames alike.</summary>
    public Tensor Levels { get; private set; }

    /// <summary>Noise that no frame before had, for text to image: [1, frames, C, h, w].</summary>
    public Tensor Fresh(int frames) => randn([1, frames, .. _latentShape], generator: _fresh);

    /// <summary>Draws the noise of the levels anew.</summary>
    public void Renew(StreamOptions options)
    {
        Levels.Dispose();
        Levels = Draw(options).DetachFromDisposeScope();
        _seed = options.Seed;
    }

    /// <summary>Starts fresh noise from the seed again.</summary>
    public void Restart()
    {
        _fresh.Dispose();
        _fresh = FreshGenerator();
    }

    public void Dispose()
    {
        Levels.Dispose();
        _fresh.Dispose();
    }

    private Tensor Draw(StreamOptions options)
    {
        using var generator = new Generator((ulong)options.Seed);
        return randn([options.Steps.Count, options.ShareNoise ? 1 : options.FrameBufferSize, .. _latentShape], generator: generator);
    }

    private Tensor Check(Tensor noise, StreamOptions options) =>
        noise.dim() == 5 && noise.shape[0] == options.Steps.Count && (noise.shape[1] == 1 || noise.shape[1] == options.FrameBufferSize) && noise.shape.AsSpan(2).SequenceEqual(_latentShape)
            ? noise
            : throw new ArgumentException($"The noise must be [{options.Steps.Count}, 1 or {options.FrameBufferSize}, {string.Join(", ", _latentShape)}], got [{string.Join(", ", noise.shape)}].", nameof(noise));

    // A generator apart from that of the levels.
    private Generator FreshGenerator() => new(unchecked((ulong)_seed + 0x9e3779b97f4a7c15UL));
}

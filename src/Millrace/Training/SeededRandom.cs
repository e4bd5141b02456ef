using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>Random tensors on a device, all a function of one seed. One thread a device at a time.</summary>
/// <remarks>
/// On the CPU it draws from a generator of its own. TorchSharp makes none for CUDA: there it seeds the device's default
/// generator, so that two instances must not be used in turn.
/// </remarks>
public sealed class SeededRandom : IDisposable
{
    private readonly Device _device;
    private readonly Generator? _generator;

    /// <summary>Starts at a seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="device">Where the tensors shall be.</param>
    public SeededRandom(long seed, Device device)
    {
        _device = device;
        if (device.type == TorchSharp.DeviceType.CUDA)
        {
            cuda.manual_seed(seed);
        }
        else
        {
            _generator = new Generator((ulong)seed);
        }
    }

    /// <summary>Standard normal, float32; the caller's to dispose.</summary>
    public Tensor Normal(params long[] shape) => randn(shape, device: _device, generator: _generator);

    /// <summary>Uniform in [0, 1), float32; the caller's to dispose.</summary>
    public Tensor Uniform(params long[] shape) => rand(shape, device: _device, generator: _generator);

    /// <summary>Uniform in [low, high), float32; the caller's to dispose.</summary>
    public Tensor Between(double low, double high, params long[] shape)
    {
        Tensor drawn = Uniform(shape);
        drawn.Scale(high - low);
        drawn.Shift(low);
        return drawn;
    }

    /// <summary>Uniform among 0..<paramref name="high"/> - 1, int64; the caller's to dispose.</summary>
    public Tensor Integers(long high, params long[] shape) => randint(high, shape, int64, device: _device, generator: _generator);

    /// <inheritdoc/>
    public void Dispose() => _generator?.Dispose();
}

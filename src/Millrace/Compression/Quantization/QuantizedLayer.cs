using static TorchSharp.torch;

namespace Millrace.Compression.Quantization;

/// <summary>A layer in integers.</summary>
/// <param name="Path">Name of the layer in its network.</param>
/// <param name="Weights">[out, kernel, kernel, in] of a convolution, [out, in] of a matrix product, int8, symmetric about 0.</param>
/// <param name="Scales">What a step of each output's weights stands for, [out], float32.</param>
/// <param name="Input">Levels of its input.</param>
public sealed record QuantizedLayer(string Path, Tensor Weights, Tensor Scales, UniformQuantizer Input) : IDisposable
{
    /// <summary>Bytes that its numbers take.</summary>
    public long Bytes => Weights.numel() + (4 * Scales.numel()) + 12;

    /// <inheritdoc/>
    public void Dispose()
    {
        Weights.Dispose();
        Scales.Dispose();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.Layers;

/// <summary>Numbers to vectors of fixed sinusoids.</summary>
/// <remarks>Sinusoid i has the frequency 10000^(-i / (channels / 2 - shift)) (Vaswani et al. 2017, arXiv 1706.03762, section 3.5).</remarks>
/// <param name="Channels">Number of sinusoids; an odd one ends in a zero.</param>
/// <param name="CosineFirst">Whether the cosines stand before the sines.</param>
/// <param name="FrequencyShift">Below half of <paramref name="Channels"/>.</param>
internal readonly record struct SinusoidalEmbedding(int Channels, bool CosineFirst = true, double FrequencyShift = 0)
{
    private const double MaxPeriod = 10000;

    /// <summary>[any shape] to [that shape, channels], in float32 whatever the precision of a network: in bfloat16 neighbouring timesteps would coincide.</summary>
    public Tensor Of(Tensor numbers)
    {
        using DisposeScope scope = NewDisposeScope();
        int half = Channels / 2;
        double shift = FrequencyShift;
        Tensor frequencies = tensor(
            [.. Enumerable.Range(0, half).Select(index => (float)Math.Exp(-index * Math.Log(MaxPeriod) / (half - shift)))], device: numbers.device);
        Tensor angles = numbers.to(float32).unsqueeze(-1) * frequencies;
        Tensor[] halves = CosineFirst ? [cos(angles), sin(angles)] : [sin(angles), cos(angles)];
        Tensor[] parts = Channels % 2 == 0 ? halves : [.. halves, zeros([.. numbers.shape, 1], device: numbers.device)];
        return cat(parts, dim: -1).MoveToOuterDisposeScope();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Compression.Quantization;

/// <summary>Even steps over a range that holds 0: q = round(x / scale) + zero point, held within 0 and levels - 1; x' = (q - zero point) scale.</summary>
/// <param name="Scale">Width of a step, above 0.</param>
/// <param name="ZeroPoint">The level that stands for 0.</param>
/// <param name="Levels">Number of levels, 2^bits.</param>
public readonly record struct UniformQuantizer(double Scale, int ZeroPoint, int Levels)
{
    /// <summary>Fewest and most bits of a level.</summary>
    public const int LeastBits = 2, MostBits = 8;

    // A tensor of one constant has a range too.
    private const double LeastScale = 1e-8;

    /// <summary>The smallest number that has a level.</summary>
    public double Low => -ZeroPoint * Scale;

    /// <summary>The largest.</summary>
    public double High => (Levels - 1 - ZeroPoint) * Scale;

    /// <summary>Levels over a range, widened to 0.</summary>
    /// <param name="low">Lower end, finite.</param>
    /// <param name="high">Upper end, finite.</param>
    /// <param name="bits">Bits of a level, 2 to 8.</param>
    /// <exception cref="ArgumentException">Where a value is outside its range.</exception>
    public static UniformQuantizer Over(double low, double high, int bits)
    {
        CheckBits(bits, nameof(bits));
        if (!double.IsFinite(low) || !double.IsFinite(high))
        {
            throw new ArgumentException($"A range must be finite, got {low} to {high}.", nameof(low));
        }

        double below = Math.Min(low, 0), above = Math.Max(high, 0);
        int levels = 1 << bits;
        double scale = Math.Max((above - below) / (levels - 1), LeastScale);
        return new UniformQuantizer(scale, (int)Math.Clamp(Math.Round(-below / scale), 0, levels - 1), levels);
    }

    /// <summary>The level of each number, as a whole number in the type of <paramref name="x"/>; the caller's to dispose.</summary>
    public Tensor Quantize(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return x.Times(1 / Scale).round().Plus((double)ZeroPoint).Clamped(0, Levels - 1).MoveToOuterDisposeScope();
    }

    /// <summary>What levels stand for; the caller's to dispose.</summary>
    public Tensor Dequantize(Tensor levels)
    {
        using DisposeScope scope = NewDisposeScope();
        return levels.Plus((double)-ZeroPoint).Times(Scale).MoveToOuterDisposeScope();
    }

    /// <summary>What the levels of <paramref name="x"/> stand for. The gradient goes straight through: 1 within the range, 0 outside (Bengio et al. 2013, arXiv 1308.3432).</summary>
    /// <returns>The shape of <paramref name="x"/>; the caller's to dispose.</returns>
    public Tensor Apply(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor held = x.Clamped(Low, High);
        return held.Plus(Dequantize(Quantize(x.detach())).Minus(held.detach())).MoveToOuterDisposeScope();
    }

    internal static void CheckBits(int bits, string name)
    {
        if (bits is < LeastBits or > MostBits)
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must be from {LeastBits} to {MostBits}, got {bits}.");
        }
    }
}

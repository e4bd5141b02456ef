using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Compression.Quantization;

/// <summary>Chooses how much of a tensor's range the levels cover: a narrower one clips a few numbers, and rounds all others more finely.</summary>
/// <remarks>
/// PTQ4DM, arXiv 2211.15736, and its code: the range of least mean |x - x'|^2.4, among hundredths of the largest number. There both
/// ends move together; here first the upper, then the lower, since what leaves a SiLU reaches from -0.28 to many times that.
/// </remarks>
/// <param name="power">Power of the error, above 0.</param>
/// <param name="candidates">Ranges tried for each end; 1 takes the whole range.</param>
internal sealed class RangeSearch(double power, int candidates)
{
    /// <summary>The range of the least error, at most the whole.</summary>
    /// <param name="x">Numbers, finite.</param>
    /// <param name="bits">Bits of a level.</param>
    public UniformQuantizer Find(Tensor x, int bits)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor least, Tensor greatest) = x.aminmax();
        double low = least.item<float>(), high = greatest.item<float>();
        high = Best(high, end => Error(x, UniformQuantizer.Over(low, end, bits)));
        low = Best(low, end => Error(x, UniformQuantizer.Over(end, high, bits)));
        return UniformQuantizer.Over(low, high, bits);
    }

    /// <summary>Mean |x - x'|^power.</summary>
    public double Error(Tensor x, UniformQuantizer quantizer)
    {
        using DisposeScope scope = NewDisposeScope();
        return Power(x.Minus(quantizer.Dequantize(quantizer.Quantize(x)))).mean().item<float>();
    }

    /// <summary>Scales of symmetric levels, one for each row, of the least error.</summary>
    /// <param name="rows">[rows, n], finite.</param>
    /// <param name="top">The largest level; the smallest is its negative.</param>
    /// <returns>[rows]; the caller's to dispose.</returns>
    public Tensor FindScales(Tensor rows, int top)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor whole = rows.abs().amax([1L], keepdim: true).AtLeast(1e-8 * top).Times(1.0 / top), best = whole.clone();
        Tensor leastError = Error(rows, whole, top);
        for (int candidate = 1; candidate < candidates; candidate++)
        {
            using DisposeScope part = NewDisposeScope();
            Tensor scales = whole.Times((double)candidate / candidates), error = Error(rows, scales, top), better = error.lt(leastError);
            best.copy_(where(better, scales, best));
            leastError.copy_(where(better, error, leastError));
        }

        return best.squeeze(1).MoveToOuterDisposeScope();
    }

    private Tensor Error(Tensor rows, Tensor scales, int top)
    {
        using DisposeScope scope = NewDisposeScope();
        return Power(rows.Minus((rows / scales).round().Clamped(-top, top) * scales)).mean([1L], keepdim: true).MoveToOuterDisposeScope();
    }

    private Tensor Power(Tensor difference) => difference.abs().ToThePower(power);

    private double Best(double whole, Func<double, double> error)
    {
        double best = whole, least = error(whole);
        for (int candidate = 1; candidate < candidates && whole != 0; candidate++)
        {
            double end = whole * candidate / candidates, found = error(end);
            (best, least) = found < least ? (end, found) : (best, least);
        }

        return best;
    }
}

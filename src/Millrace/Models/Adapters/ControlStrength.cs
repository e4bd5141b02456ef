using static TorchSharp.torch;

namespace Millrace.Models.Adapters;

/// <summary>How strongly a control works, and over which stretch of the way from noise (0) to picture (1).</summary>
/// <param name="Scale">What its residuals are multiplied by; finite.</param>
/// <param name="Start">Where it begins, in [0, 1].</param>
/// <param name="End">Where it ends, from <paramref name="Start"/> to 1.</param>
public sealed record ControlStrength(double Scale = 1, double Start = 0, double End = 1)
{
    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where one is outside its range.</exception>
    public ControlStrength Validated() => double.IsFinite(Scale) && Start >= 0 && End >= Start && End <= 1
        ? this
        : throw new ArgumentOutOfRangeException(nameof(Scale), $"A control must have a finite scale and 0 <= start <= end <= 1, got {Scale}, {Start} and {End}.");

    /// <summary>The scale of each row, 0 where it does not work, [B, 1, 1, 1]; null where it works on none.</summary>
    internal Tensor? Rows(Tensor t, int trainTimesteps, ScalarType precision)
    {
        float[] scales = [.. t.to(float64).cpu().data<double>().ToArray().Select(time => Covers(1 - (time / trainTimesteps)) ? (float)Scale : 0)];
        return scales.All(scale => scale == 0) ? null : tensor(scales, [scales.Length, 1, 1, 1], device: t.device).to(precision);
    }

    private bool Covers(double share) => share >= Start && share <= End;
}

using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>What a control network adds to a U-Net (Zhang et al. 2023, arXiv 2302.05543). A view of tensors, not their owner.</summary>
/// <param name="Down">One for each skip, in the order of <see cref="UNetFeatures.Skips"/>.</param>
/// <param name="Middle">For the output of the middle block.</param>
public sealed record ControlResiduals(IReadOnlyList<Tensor> Down, Tensor Middle)
{
    /// <summary>All residuals times a number, in the dispose scope of the caller.</summary>
    public ControlResiduals Scaled(double scale) => new([.. Down.Select(residual => residual.Times(scale))], Middle.Times(scale));

    /// <summary>The residuals for guessing without a prompt: weak at the finest skips, whole at the middle, from 0.1 to 1 in equal ratios.</summary>
    public ControlResiduals Graded()
    {
        double Strength(int index) => Math.Pow(10, -1 + ((double)index / Down.Count));
        return this with { Down = [.. Down.Select((residual, index) => residual.Times(Strength(index)))] };
    }

    internal UNetFeatures AddTo(UNetFeatures features)
    {
        if (Down.Count != features.Skips.Count)
        {
            throw new ArgumentException($"A control must hold one residual for each of the {features.Skips.Count} skips, got {Down.Count}: it was made for another U-Net.", nameof(features));
        }

        return new UNetFeatures(Sum(features.Middle, Middle, "the middle block"), [.. features.Skips.Select((skip, index) => Sum(skip, Down[index], $"skip {index}"))]);
    }

    private static Tensor Sum(Tensor feature, Tensor residual, string place)
    {
        long[] seen = residual.shape, allowed = feature.shape;
        bool fits = seen.Length == 4 && (seen[0] == allowed[0] || seen[0] == 1) && seen[1] == allowed[1]
            && (seen.AsSpan(2).SequenceEqual(allowed.AsSpan(2)) || seen.AsSpan(2).SequenceEqual([1, 1]));
        return fits
            ? feature.Plus(residual)
            : throw new ArgumentException($"The control's residual for {place} must be [{string.Join(", ", allowed)}], got [{string.Join(", ", seen)}].", nameof(residual));
    }
}

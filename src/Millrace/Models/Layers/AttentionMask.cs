using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.Layers;

/// <summary>Which tokens of a context are attended to, as what is added to the scores.</summary>
internal static class AttentionMask
{
    // Large enough that a masked token has no weight, and within the range of float16.
    private const double Masked = -10000;

    /// <param name="mask">[B, M], 1 for a token that is attended to, 0 for one that is not; null for all of them.</param>
    /// <returns>[B, 1, 1, M], float32: 0 or a large negative number.</returns>
    public static Tensor? ToBias(Tensor? mask)
    {
        if (mask is null)
        {
            return null;
        }

        using DisposeScope scope = NewDisposeScope();
        return mask.to(float32).Plus(-1).Times(-Masked).unsqueeze(1).unsqueeze(1).MoveToOuterDisposeScope();
    }
}

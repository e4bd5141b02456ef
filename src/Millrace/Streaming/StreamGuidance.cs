using Millrace.Guidance;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// The guidance of one tick: which rows the network sees, and how its predictions become one: x_0 = x_0_negative + g (x_0_positive - x_0_negative),
/// where the residual types take (x_t - b delta stock) / a for x_0_negative.
/// </summary>
/// <remarks>
/// Kodaira et al. 2023, arXiv 2312.12491, equations 3 to 8, which say the same of the noise: for one x_t, clean sample, noise and velocity are
/// affine in one another. The clean sample is known even from pure noise, a = 0, where no input is left to be guided away from.
/// With g of at most 1 every type is <see cref="GuidanceType.None"/>.
/// </remarks>
internal static class StreamGuidance
{
    /// <summary>The type that takes effect.</summary>
    public static GuidanceType Effective(StreamOptions options) => options.GuidanceScale > 1 ? options.Guidance : GuidanceType.None;

    /// <summary>Rows that precede the n f rows of the batch, to be predicted under the negative prompt.</summary>
    public static int NegativeRows(GuidanceType type, int groups, int framesInGroup) => type switch
    {
        GuidanceType.Full => groups * framesInGroup,
        GuidanceType.Initialize => framesInGroup,
        _ => 0,
    };

    /// <summary>Combines the predictions.</summary>
    /// <param name="rows">What was asked.</param>
    /// <param name="negative">Clean samples predicted under the negative prompt: nothing, group 0, or all, [0 or 1 or n, f, C, h, w].</param>
    /// <param name="positive">Clean samples predicted under the prompt, [n, f, C, h, w].</param>
    /// <param name="x">x_t of each row, [n, f, C, h, w].</param>
    /// <param name="options">Scale and delta.</param>
    /// <returns>The guided clean sample, and the virtual noise with what was predicted put in.</returns>
    public static (Tensor Guided, Tensor Stock) Combine(StreamRows rows, Tensor negative, Tensor positive, Tensor x, StreamOptions options)
    {
        if (rows.Guidance == GuidanceType.None)
        {
            return (positive, rows.Stock);
        }

        LevelConstants at = rows.At;
        Tensor stock = rows.Stock;
        if (rows.Guidance == GuidanceType.Initialize)
        {
            Tensor noise = x.narrow(0, 0, 1).Minus(at.Alpha.narrow(0, 0, 1) * negative) / at.Sigma.narrow(0, 0, 1);
            stock = cat([noise, stock.narrow(0, 1, stock.shape[0] - 1)], 0);
        }

        Tensor origin = rows.Guidance == GuidanceType.Full ? negative
            : where(at.Alpha.IsEqualTo(0), positive, x.Minus(at.Sigma * stock.Times(options.Delta)) * at.InverseAlpha);
        return (origin.Plus(positive.Minus(origin).Times(options.GuidanceScale)), stock);
    }
}

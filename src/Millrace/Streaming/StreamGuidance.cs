using Millrace.Guidance;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// The guidance of one tick: which rows the network sees, and how its predictions become one. e = e_negative + g (e_positive - e_negative),
/// where the residual types take delta times the stock noise for e_negative.
/// </summary>
/// <remarks>Kodaira et al. 2023, arXiv 2312.12491, equations 3 to 8. With g of at most 1 every type is <see cref="GuidanceType.None"/>.</remarks>
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
    /// <param name="type">The type that takes effect.</param>
    /// <param name="negative">Predicted under the negative prompt: nothing, group 0, or all, [0 or 1 or n, f, C, h, w].</param>
    /// <param name="positive">Predicted under the prompt, [n, f, C, h, w].</param>
    /// <param name="stock">Virtual noise of each row, [n, f, C, h, w].</param>
    /// <param name="options">Scale and delta.</param>
    /// <returns>The guided prediction, and the stock noise with what was predicted put in.</returns>
    public static (Tensor Guided, Tensor Stock) Combine(GuidanceType type, Tensor negative, Tensor positive, Tensor stock, StreamOptions options)
    {
        if (type == GuidanceType.None)
        {
            return (positive, stock);
        }

        if (type == GuidanceType.Initialize)
        {
            stock = cat([negative, stock.narrow(0, 1, stock.shape[0] - 1)], 0);
        }

        Tensor origin = type == GuidanceType.Full ? negative : stock.Times(options.Delta);
        return (origin.Plus(positive.Minus(origin).Times(options.GuidanceScale)), stock);
    }
}

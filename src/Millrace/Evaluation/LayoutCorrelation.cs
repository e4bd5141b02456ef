using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>Whether pictures keep the layout of the sketches they were made from.</summary>
public static class LayoutCorrelation
{
    private const long Cells = 8;

    /// <summary>
    /// Mean over pairs of the Pearson correlation between the low-pass versions (8 x 8 cells, three channels) of the two pictures.
    /// </summary>
    /// <param name="first">[B, 3, H, W].</param>
    /// <param name="second">[B, 3, H, W].</param>
    /// <returns>In [-1, 1].</returns>
    public static double Mean(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        return nn.functional.cosine_similarity(LowPass(first), LowPass(second), dim: 1).mean().item<float>();
    }

    private static Tensor LowPass(Tensor images)
    {
        Tensor cells = nn.functional.adaptive_avg_pool2d(images, [Cells, Cells]).flatten(1);
        return cells.Minus(cells.mean([1], keepdim: true));
    }
}

using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>Moves, scales and turns pictures on their white ground, so that a network learns place from what it is shown.</summary>
/// <param name="Untouched">Share of pictures left as they are.</param>
/// <param name="MinimumScale">Smallest size over the original.</param>
internal sealed record Augmentation(double Untouched, double MinimumScale)
{
    private const double MaximumScale = 1.05;
    private const double MaximumTurn = 0.15; // radians
    private const double ShiftBeyond = 0.15; // of half the side, how far a picture may reach over the edge

    /// <summary>Bytes [B, C, side, side], 255 where nothing is, to [-1, 1], float32, of the same shape.</summary>
    public Tensor Apply(Tensor pixels, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        long batch = pixels.shape[0];
        Tensor ink = pixels.to(float32).Times(1.0 / 255).TakenFrom(1);
        Tensor moves = random.Uniform(batch).IsBelow(Untouched).logical_not().to(float32);
        Tensor size = (moves * random.Between(MinimumScale, MaximumScale, batch).TakenFrom(1)).TakenFrom(1);
        Tensor turn = moves * random.Between(-MaximumTurn, MaximumTurn, batch);
        Tensor reach = moves * size.TakenFrom(1).Plus(ShiftBeyond) / size;
        Tensor x = reach * random.Between(-1, 1, batch), y = reach * random.Between(-1, 1, batch);
        Tensor cosine = turn.cos() / size, sine = turn.sin() / size;
        Tensor theta = stack([stack([cosine, -sine, x], 1), stack([sine, cosine, y], 1)], 1);
        Tensor grid = functional.affine_grid(theta, pixels.shape, align_corners: false);
        Tensor sampled = functional.grid_sample(ink, grid, padding_mode: GridSamplePaddingMode.Zeros, align_corners: false);
        return sampled.Times(2).TakenFrom(1).MoveToOuterDisposeScope();
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>Moves, scales and turns pictures on their white ground, so that a network learns place from what it is shown.</summary>
internal static class Augmentation
{
    private const double MaximumShift = 0.18; // of half the side
    private const double MinimumScale = 0.75;
    private const double MaximumScale = 1.05;
    private const double MaximumTurn = 0.15; // radians
    private const double Untouched = 0.25; // share of pictures left as they are

    /// <summary>Bytes [B, 3, side, side] to images [B, 3, side, side] in [-1, 1], float32.</summary>
    public static Tensor Apply(Tensor pixels, Generator generator)
    {
        using var scope = NewDisposeScope();
        long batch = pixels.shape[0];
        Tensor ink = 1 - (pixels.to(float32) / 255);
        Tensor Between(double low, double high) => (rand(batch, generator: generator) * (high - low)) + low;
        Tensor keep = (rand(batch, generator: generator) < Untouched).to(float32);
        Tensor scale = 1 / Between(MinimumScale, MaximumScale), turn = Between(-MaximumTurn, MaximumTurn);
        Tensor x = Between(-MaximumShift, MaximumShift), y = Between(-MaximumShift, MaximumShift);
        Tensor moved = stack(
            [stack([scale * turn.cos(), -scale * turn.sin(), x], 1), stack([scale * turn.sin(), scale * turn.cos(), y], 1)], 1);
        Tensor still = eye(2, 3).unsqueeze(0);
        Tensor theta = lerp(moved, still.expand_as(moved), keep.view(batch, 1, 1));
        Tensor grid = functional.affine_grid(theta, pixels.shape, align_corners: false);
        Tensor sampled = functional.grid_sample(ink, grid, padding_mode: GridSamplePaddingMode.Zeros, align_corners: false);
        return (1 - (2 * sampled)).MoveToOuterDisposeScope();
    }
}

using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>Turns pictures into what a hurried person would draw for them: shifted blots of few flat colours.</summary>
internal static class StrokePictures
{
    private const double Displacement = 0.1; // of half the side, standard deviation
    private const double ColourShift = 0.12; // of the range of a channel

    /// <summary>Images [B, 3, H, W] in [-1, 1] to images of the same shape; half of them coarser than the other half.</summary>
    public static Tensor Of(Tensor images, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        long batch = images.shape[0], side = images.shape[2], fine = batch / 2;
        Tensor displacement = functional.interpolate(
            random.Normal(batch, 2, 4, 4).Times(Displacement), [side, side], mode: InterpolationMode.Bicubic, align_corners: false);
        Tensor still = eye(2, 3, device: images.device).unsqueeze(0).expand(batch, 2, 3);
        Tensor grid = functional.affine_grid(still, images.shape, align_corners: false).Plus(displacement.permute(0, 2, 3, 1));
        Tensor moved = functional.grid_sample(images, grid, padding_mode: GridSamplePaddingMode.Border, align_corners: false);
        Tensor blurred = cat([Coarse(moved[..(int)fine], 4), Coarse(moved[(int)fine..], 8)], 0);
        Tensor levels = random.Integers(3, batch, 1, 1, 1).Plus(1); // 2 to 4 values a channel
        Tensor flat = ((blurred.Plus(1).Times(0.5) * levels).round() / levels).Times(2).Plus(-1);
        Tensor painted = where(random.Uniform(batch, 1, 1, 1).IsBelow(0.6), flat, blurred);
        Tensor shift = random.Between(-2 * ColourShift, 2 * ColourShift, batch, 3, 1, 1);
        Tensor ink = painted.TakenFrom(1).Times(0.5); // White paper stays white.
        return painted.Plus(shift * ink).Clamped(-1, 1).MoveToOuterDisposeScope();
    }

    private static Tensor Coarse(Tensor images, long factor)
    {
        using Tensor small = functional.avg_pool2d(images, factor, factor);
        return functional.interpolate(small, images.shape[2..], mode: InterpolationMode.Bilinear, align_corners: false);
    }
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training.Data;

/// <summary>Changes that a picture may undergo each time it is shown, so that few pictures teach more; all drawn from the batch's own randomness.</summary>
public sealed record PictureAugmentation
{
    /// <summary>Whether half of the pictures are mirrored left to right. Not for letters and digits.</summary>
    public bool Flip { get; init; }

    /// <summary>Largest share of the side that is cut off by a square window placed at random; in [0, 0.9].</summary>
    public double Crop { get; init; }

    /// <summary>Largest shift in each direction as a share of the side; in [0, 0.5]. What comes in from outside continues the edge.</summary>
    public double Shift { get; init; }

    /// <summary>Largest change of brightness, contrast and saturation; in [0, 0.9].</summary>
    public double ColourJitter { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        TrainerOptions.Require(Crop is >= 0 and <= 0.9, nameof(Crop), Crop, "in [0, 0.9]");
        TrainerOptions.Require(Shift is >= 0 and <= 0.5, nameof(Shift), Shift, "in [0, 0.5]");
        TrainerOptions.Require(ColourJitter is >= 0 and <= 0.9, nameof(ColourJitter), ColourJitter, "in [0, 0.9]");
    }

    /// <summary>Changes pictures.</summary>
    /// <param name="images">[B, 3, H, W], float32 in [-1, 1].</param>
    /// <param name="random">Source of randomness.</param>
    /// <returns>[B, 3, H, W], float32 in [-1, 1]; the caller's to dispose.</returns>
    public Tensor Apply(Tensor images, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor changed = images.alias();
        if (Flip)
        {
            changed = where(random.Uniform(images.shape[0], 1, 1, 1).IsBelow(0.5), changed.flip(3), changed);
        }

        if (Crop > 0 || Shift > 0)
        {
            changed = Moved(changed, random);
        }

        return (ColourJitter > 0 ? Coloured(changed, random) : changed).MoveToOuterDisposeScope();
    }

    private Tensor Moved(Tensor images, SeededRandom random)
    {
        long rows = images.shape[0];
        Tensor window = random.Between(1 - Crop, 1, rows), zero = zeros_like(window);
        Tensor Offset(long side)
        {
            // Whole pixels, so that a shift alone does not blur.
            Tensor shift = random.Between(-Shift, Shift, rows).Times(side).round().Times(2.0 / side);
            return (window.TakenFrom(1) * random.Between(-1, 1, rows)).Plus(shift);
        }

        Tensor x = Offset(images.shape[3]), y = Offset(images.shape[2]);
        Tensor theta = stack([stack([window, zero, x], 1), stack([zero, window, y], 1)], 1);
        Tensor grid = functional.affine_grid(theta, images.shape, align_corners: false);
        return functional.grid_sample(images, grid, padding_mode: GridSamplePaddingMode.Border, align_corners: false);
    }

    private Tensor Coloured(Tensor images, SeededRandom random)
    {
        Tensor Factor(double centre) => random.Between(centre - ColourJitter, centre + ColourJitter, images.shape[0], 1, 1, 1);
        Tensor brightened = images.Plus(Factor(0));
        Tensor mean = brightened.mean([1, 2, 3], keepdim: true);
        Tensor contrasted = mean.Plus(brightened.Minus(mean) * Factor(1));
        Tensor grey = contrasted.mean([1], keepdim: true);
        return grey.Plus(contrasted.Minus(grey) * Factor(1)).Clamped(-1, 1);
    }
}

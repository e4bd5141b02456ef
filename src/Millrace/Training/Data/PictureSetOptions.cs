using Millrace.Imaging;

namespace Millrace.Training.Data;

/// <summary>How pictures are brought to one size.</summary>
/// <param name="Width">Width in pixels, at least 1.</param>
/// <param name="Height">Height in pixels, at least 1.</param>
public sealed record PictureSetOptions(int Width, int Height)
{
    /// <summary>What happens where the shapes differ.</summary>
    public FitMode Fit { get; init; } = FitMode.Crop;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        if (Width < 1 || Height < 1)
        {
            throw new ArgumentException($"Width and Height must be at least 1, got {Width} x {Height}.");
        }
    }
}

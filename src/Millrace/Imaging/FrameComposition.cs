namespace Millrace.Imaging;

/// <summary>Several frames as one.</summary>
public static class FrameComposition
{
    /// <summary>Two frames of one height, one beside the other.</summary>
    /// <returns>A frame with id and timestamp of <paramref name="right"/>.</returns>
    /// <exception cref="ArgumentException">Where the heights differ.</exception>
    public static Frame SideBySide(Frame left, Frame right)
    {
        if (left.Height != right.Height)
        {
            throw new ArgumentException($"Frames side by side need one height, got {left.Height} and {right.Height}.", nameof(right));
        }

        int leftStride = 3 * left.Width, rightStride = 3 * right.Width;
        var rgb = new byte[(leftStride + rightStride) * left.Height];
        for (int row = 0; row < left.Height; row++)
        {
            left.Rgb.AsSpan(row * leftStride, leftStride).CopyTo(rgb.AsSpan(row * (leftStride + rightStride)));
            right.Rgb.AsSpan(row * rightStride, rightStride).CopyTo(rgb.AsSpan((row * (leftStride + rightStride)) + leftStride));
        }

        return new Frame(right.Id, right.Timestamp, left.Width + right.Width, left.Height, rgb);
    }
}

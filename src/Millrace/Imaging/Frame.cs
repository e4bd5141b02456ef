namespace Millrace.Imaging;

/// <summary>One decoded picture of a stream.</summary>
/// <param name="Id">Number in its stream, from 0.</param>
/// <param name="Timestamp">When it is shown, from the start of the stream.</param>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Rgb">8-bit red, green, blue; row by row from the top, tightly packed: 3 * Width * Height bytes.</param>
public sealed record Frame(long Id, TimeSpan Timestamp, int Width, int Height, byte[] Rgb)
{
    /// <summary>8-bit red, green, blue; row by row from the top, tightly packed: 3 * Width * Height bytes.</summary>
    public byte[] Rgb { get; } = Rgb.Length == 3L * Width * Height && Width > 0 && Height > 0
        ? Rgb
        : throw new ArgumentException($"A frame of {Width} x {Height} needs {3L * Width * Height} bytes of at least one pixel, got {Rgb.Length}.", nameof(Rgb));
}

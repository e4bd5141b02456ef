using Millrace.Imaging;

namespace Millrace.Cli;

/// <summary>Many pictures on one, in rows as near to a square as their number allows.</summary>
internal static class ContactSheet
{
    private const int Gap = 2;

    /// <summary>Lays out pictures of one size on white.</summary>
    public static Frame Of(IReadOnlyList<Frame> pictures)
    {
        (int width, int height) = (pictures[0].Width, pictures[0].Height);
        int columns = (int)Math.Ceiling(Math.Sqrt(pictures.Count)), rows = (pictures.Count + columns - 1) / columns;
        int sheetWidth = (columns * (width + Gap)) + Gap, sheetHeight = (rows * (height + Gap)) + Gap;
        var rgb = new byte[3 * sheetWidth * sheetHeight];
        Array.Fill(rgb, byte.MaxValue);
        for (int index = 0; index < pictures.Count; index++)
        {
            int left = Gap + (index % columns * (width + Gap)), top = Gap + (index / columns * (height + Gap));
            for (int row = 0; row < height; row++)
            {
                pictures[index].Rgb.AsSpan(3 * row * width, 3 * width).CopyTo(rgb.AsSpan(3 * (((top + row) * sheetWidth) + left)));
            }
        }

        return new Frame(0, TimeSpan.Zero, sheetWidth, sheetHeight, rgb);
    }
}

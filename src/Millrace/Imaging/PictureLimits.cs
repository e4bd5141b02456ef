namespace Millrace.Imaging;

/// <summary>What is refused before memory is taken for it.</summary>
internal static class PictureLimits
{
    /// <summary>Most pixels of one frame.</summary>
    public const long Pixels = 64L << 20;

    public static void Check(long width, long height, string path)
    {
        if (width < 1 || height < 1 || width * height > Pixels)
        {
            throw new InvalidDataException($"'{path}' claims {width} x {height} pixels; a frame has from 1 to {Pixels}.");
        }
    }
}

namespace Millrace.Imaging;

/// <summary>What is refused before memory is taken for it.</summary>
internal static class PictureLimits
{
    /// <summary>Most pixels of one frame.</summary>
    public const long Pixels = 64L << 20;

    /// <summary>Most bytes of a picture or animation, encoded.</summary>
    public const long Bytes = 1L << 30;

    /// <summary>Reads an encoded file.</summary>
    /// <exception cref="InvalidDataException">Where it is too large.</exception>
    public static byte[] ReadFile(string path)
    {
        CheckBytes(new FileInfo(path).Length, path);
        return File.ReadAllBytes(path);
    }

    public static void CheckBytes(long length, string path)
    {
        if (length > Bytes)
        {
            throw new InvalidDataException($"'{path}' has {length} bytes; a picture or animation has at most {Bytes}.");
        }
    }

    public static void Check(long width, long height, string path, long maximumPixels = Pixels)
    {
        if (width < 1 || height < 1 || width * height > maximumPixels)
        {
            throw new InvalidDataException($"'{path}' claims {width} x {height} pixels; a frame has from 1 to {maximumPixels}.");
        }
    }
}

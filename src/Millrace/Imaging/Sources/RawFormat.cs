namespace Millrace.Imaging.Sources;

/// <summary>Layout of raw frames, row by row from the top, tightly packed.</summary>
public enum RawFormat
{
    /// <summary>8-bit red, green, blue (ffmpeg's rgb24).</summary>
    Rgb24,

    /// <summary>8-bit red, green, blue, alpha (ffmpeg's rgba); alpha is left out.</summary>
    Rgba32,

    /// <summary>8-bit blue, green, red (ffmpeg's bgr24).</summary>
    Bgr24,

    /// <summary>float32 red, green, blue in [0, 1], little-endian.</summary>
    RgbFloat,
}

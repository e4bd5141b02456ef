using System.Text;

namespace Millrace.Imaging.Sources;

internal enum MediaKind
{
    Unknown,
    Picture,
    Animation,
    Png,
    Tar,
    Video,
}

/// <summary>Tells what a file is by its first bytes.</summary>
internal static class MediaKinds
{
    public static MediaKind Of(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[0x89, .. "PNG\r\n"u8, 0x1a, 0x0a]))
        {
            return MediaKind.Png;
        }

        if (start.StartsWith((ReadOnlySpan<byte>)[0xff, 0xd8, 0xff]) || start.StartsWith("BM"u8))
        {
            return MediaKind.Picture;
        }

        if (start.StartsWith("GIF8"u8) || (start.StartsWith("RIFF"u8) && At(start, 8, "WEBP")))
        {
            return MediaKind.Animation;
        }

        if (At(start, 257, "ustar"))
        {
            return MediaKind.Tar;
        }

        bool video = At(start, 4, "ftyp") || At(start, 4, "moov") || At(start, 4, "mdat")
            || start.StartsWith((ReadOnlySpan<byte>)[0x1a, 0x45, 0xdf, 0xa3])
            || (start.StartsWith("RIFF"u8) && At(start, 8, "AVI "))
            || start.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0xba]) || start.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0xb3])
            || start.StartsWith("FLV"u8) || start.StartsWith("OggS"u8)
            || (start.Length > 188 && start[0] == 0x47 && start[188] == 0x47);
        return video ? MediaKind.Video : MediaKind.Unknown;
    }

    private static bool At(ReadOnlySpan<byte> start, int offset, string text) =>
        start.Length >= offset + text.Length && Encoding.Latin1.GetString(start.Slice(offset, text.Length)) == text;
}

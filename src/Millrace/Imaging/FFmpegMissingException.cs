namespace Millrace.Imaging;

/// <summary>Video files need ffmpeg, and it is not there.</summary>
public sealed class FFmpegMissingException(Exception? inner = null) : InvalidOperationException(
    "Video files need ffmpeg, which was not found; install it (Debian and Ubuntu: apt install ffmpeg), or use animated WebP, GIF or PNG.", inner);

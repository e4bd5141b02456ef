using Millrace.Imaging;
using Millrace.Server.Images;

namespace Millrace.Server.Provenance;

/// <summary>The last steps of every picture that leaves the server: the marks, the encoding, the metadata.</summary>
internal sealed class PictureFinisher(MillraceServerOptions options, TimeProvider time)
{
    /// <summary>The picture with its marks, by option; where pixels are sent as they are, all that says where it comes from.</summary>
    public Frame Mark(Frame picture)
    {
        Frame seen = options.VisibleMark ? VisibleMark.Apply(picture) : picture;
        return options.InvisibleMark ? InvisibleMark.Apply(seen) : seen;
    }

    /// <summary>The bytes of a picture.</summary>
    /// <param name="picture">As drawn.</param>
    /// <param name="format">Of the bytes.</param>
    /// <param name="quality">Of JPEG and WebP, 0 to 100.</param>
    /// <param name="settings">How it was made, as JSON.</param>
    public byte[] Encode(Frame picture, PictureFormat format, int quality, string settings)
    {
        byte[] encoded = format.Encode(Mark(picture), quality);
        return options.Provenance ? MetadataEmbedding.Embed(encoded, format, XmpPacket.Of(settings, time.GetUtcNow())) : encoded;
    }
}

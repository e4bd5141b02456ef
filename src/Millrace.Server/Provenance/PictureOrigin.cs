using System.Text;
using System.Xml;
using System.Xml.Linq;
using Millrace.Imaging;
using Millrace.Server.Images;

namespace Millrace.Server.Provenance;

/// <summary>What a picture tells of its making.</summary>
/// <param name="SaysGenerated">Whether its metadata say that a trained model made it.</param>
/// <param name="Settings">How it was made, as JSON; null where the metadata do not say it.</param>
/// <param name="MarkCertainty">How sure it is that the picture carries the invisible mark, in standard deviations of what an unmarked one gives.</param>
public sealed record PictureOrigin(bool SaysGenerated, string? Settings, double MarkCertainty)
{
    /// <summary>Whether the invisible mark was found.</summary>
    public bool Marked => MarkCertainty >= InvisibleMark.Certain;

    /// <summary>Whether bytes are those of a picture, by their first ones: PNG, JPEG or WebP.</summary>
    public static bool IsPicture(ReadOnlySpan<byte> bytes) => PictureFormats.Recognize(bytes) is not null;

    /// <summary>Reads metadata and pixels.</summary>
    /// <param name="picture">A PNG, JPEG or WebP.</param>
    /// <param name="name">What an error calls it.</param>
    /// <exception cref="InvalidDataException">Where it is none of the three, or damaged.</exception>
    public static PictureOrigin Read(byte[] picture, string name)
    {
        Frame pixels = UploadedPicture.Decode(picture, name, PictureLimits.Pixels);
        XDocument? packet = PacketIn(picture);
        return new(
            packet is not null && XmpPacket.SaysGenerated(packet), packet?.Descendants(XmpPacket.Settings).FirstOrDefault()?.Value, InvisibleMark.Find(pixels));
    }

    /// <summary>The packet of any of the three formats, found as the XMP specification has it: by its markers.</summary>
    private static XDocument? PacketIn(ReadOnlySpan<byte> picture)
    {
        ReadOnlySpan<byte> opening = "<x:xmpmeta"u8, closing = "</x:xmpmeta>"u8;
        int start = picture.IndexOf(opening), length = start < 0 ? -1 : picture[start..].IndexOf(closing);
        if (length < 0)
        {
            return null;
        }

        try
        {
            using var reader = XmlReader.Create(new StringReader(Encoding.UTF8.GetString(picture.Slice(start, length + closing.Length)))); // prohibits document types
            return XDocument.Load(reader);
        }
        catch (XmlException)
        {
            return null; // says nothing that can be read
        }
    }
}

using System.Buffers.Binary;
using Millrace.Imaging;
using Millrace.Server.Images;

namespace Millrace.Server.Provenance;

/// <summary>Puts an XMP packet into an encoded picture, where the format has its place for it.</summary>
/// <remarks>XMP Specification Part 3: PNG in an iTXt chunk, JPEG in an APP1 segment. WebP: in a chunk of the extended format (RFC 9649, section 2.7).</remarks>
internal static class MetadataEmbedding
{
    private const int PngHeader = 8 + 25; // signature and IHDR

    public static byte[] Embed(byte[] picture, PictureFormat format, byte[] packet) => format switch
    {
        PictureFormat.Png => IntoPng(picture, packet),
        PictureFormat.Jpeg => IntoJpeg(picture, packet),
        _ => IntoWebP(picture, packet),
    };

    private static byte[] IntoPng(byte[] picture, byte[] packet)
    {
        using var result = new MemoryStream();
        result.Write(picture.AsSpan(0, PngHeader));
        PngChunks.Write(result, "iTXt", [.. "XML:com.adobe.xmp\0\0\0\0\0"u8, .. packet]);
        result.Write(picture.AsSpan(PngHeader));
        return result.ToArray();
    }

    private static byte[] IntoJpeg(byte[] picture, byte[] packet)
    {
        ReadOnlySpan<byte> name = "http://ns.adobe.com/xap/1.0/\0"u8;
        int length = 2 + name.Length + packet.Length;
        if (length > ushort.MaxValue)
        {
            throw new ArgumentException($"A JPEG holds metadata of at most {ushort.MaxValue - 2 - name.Length} bytes, got {packet.Length}; use PNG or WebP, or a shorter prompt.");
        }

        byte[] head = new byte[6];
        (head[0], head[1], head[2], head[3]) = (picture[0], picture[1], 0xff, 0xe1);
        BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(4), (ushort)length);
        return [.. head, .. name, .. packet, .. picture.AsSpan(2)];
    }

    private static byte[] IntoWebP(byte[] picture, byte[] packet)
    {
        using var result = new MemoryStream();
        result.Write(picture.AsSpan(0, 12));
        ReadOnlySpan<byte> body = picture.AsSpan(12);
        if (body.StartsWith("VP8X"u8))
        {
            byte[] extended = body[..18].ToArray();
            extended[8] |= 0x04;
            result.Write(extended);
            body = body[18..];
        }
        else
        {
            (int width, int height) = SizeOf(body);
            byte[] extended = new byte[18];
            "VP8X"u8.CopyTo(extended);
            extended[4] = 10;
            extended[8] = 0x04; // holds XMP
            WriteSize(extended.AsSpan(12), width);
            WriteSize(extended.AsSpan(15), height);
            result.Write(extended);
        }

        result.Write(body);
        Span<byte> head = stackalloc byte[8];
        "XMP "u8.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)packet.Length);
        result.Write(head);
        result.Write(packet);
        if (packet.Length % 2 == 1)
        {
            result.WriteByte(0);
        }

        byte[] file = result.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(4), (uint)(file.Length - 8));
        return file;
    }

    private static (int Width, int Height) SizeOf(ReadOnlySpan<byte> chunk)
    {
        if (chunk.StartsWith("VP8L"u8))
        {
            uint bits = BinaryPrimitives.ReadUInt32LittleEndian(chunk[9..]);
            return ((int)(bits & 0x3fff) + 1, (int)((bits >> 14) & 0x3fff) + 1);
        }

        return (BinaryPrimitives.ReadUInt16LittleEndian(chunk[14..]) & 0x3fff, BinaryPrimitives.ReadUInt16LittleEndian(chunk[16..]) & 0x3fff);
    }

    private static void WriteSize(Span<byte> target, int length)
    {
        int value = length - 1;
        (target[0], target[1], target[2]) = ((byte)value, (byte)(value >> 8), (byte)(value >> 16));
    }
}

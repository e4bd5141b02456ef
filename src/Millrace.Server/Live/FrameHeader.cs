using System.Buffers.Binary;

namespace Millrace.Server.Live;

/// <summary>How the pixels of a frame are encoded.</summary>
internal enum FrameCodec : byte
{
    /// <summary>No pixels: asks for one more picture in text-to-image mode.</summary>
    None,

    Jpeg,

    Webp,

    Png,

    /// <summary>8-bit red, green, blue; row by row from the top.</summary>
    Raw,
}

/// <summary>The 32 bytes in front of the pixels of a binary message, little-endian; docs/protocol.md draws them.</summary>
/// <param name="Codec">Of the pixels that follow.</param>
/// <param name="Repeated">Whether the picture is the one before once more; of answers only.</param>
/// <param name="Id">Of the frame, and of its answer.</param>
/// <param name="Timestamp">In microseconds of the client's own clock; comes back as it was.</param>
/// <param name="Width">In pixels; 0 where the codec says it.</param>
/// <param name="Height">In pixels; 0 where the codec says it.</param>
/// <param name="Steps">Steps in force; of answers only.</param>
/// <param name="Latency">From the frame's arrival to its picture, in microseconds; of answers only.</param>
internal readonly record struct FrameHeader(FrameCodec Codec, bool Repeated, long Id, long Timestamp, int Width, int Height, int Steps, uint Latency)
{
    public const int Length = 32;
    public const byte Version = 1;

    // Microseconds that a TimeSpan can hold.
    private const long MostTimestamp = long.MaxValue / 10;

    /// <exception cref="LiveException">Says what is wrong.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> message)
    {
        if (message.Length < Length)
        {
            throw Malformed($"A binary message has a header of {Length} bytes; got {message.Length}.");
        }

        if (message[0] != Version)
        {
            throw new LiveException(CloseCode.UnsupportedVersion, $"Frames have version {Version}; got {message[0]}.");
        }

        var header = new FrameHeader(
            (FrameCodec)message[1], false, BinaryPrimitives.ReadInt64LittleEndian(message[8..]), BinaryPrimitives.ReadInt64LittleEndian(message[16..]),
            BinaryPrimitives.ReadUInt16LittleEndian(message[24..]), BinaryPrimitives.ReadUInt16LittleEndian(message[26..]), 0, 0);
        return !Enum.IsDefined(header.Codec) ? throw Malformed($"The codec must be 0 to 4; got {message[1]}.")
            : header.Timestamp is < 0 or > MostTimestamp ? throw Malformed($"The timestamp must be in 0..{MostTimestamp} microseconds; got {header.Timestamp}.")
            : header;
    }

    public void Write(Span<byte> message)
    {
        message[..Length].Clear();
        (message[0], message[1]) = (Version, (byte)Codec);
        BinaryPrimitives.WriteUInt16LittleEndian(message[2..], Repeated ? (ushort)1 : (ushort)0);
        BinaryPrimitives.WriteUInt32LittleEndian(message[4..], Latency);
        BinaryPrimitives.WriteInt64LittleEndian(message[8..], Id);
        BinaryPrimitives.WriteInt64LittleEndian(message[16..], Timestamp);
        BinaryPrimitives.WriteUInt16LittleEndian(message[24..], (ushort)Width);
        BinaryPrimitives.WriteUInt16LittleEndian(message[26..], (ushort)Height);
        BinaryPrimitives.WriteUInt16LittleEndian(message[28..], (ushort)Steps);
    }

    private static LiveException Malformed(string reason) => new(CloseCode.Malformed, reason);
}

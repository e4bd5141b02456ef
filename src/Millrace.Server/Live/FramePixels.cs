using Millrace.Imaging;
using Millrace.Server.Images;
using Millrace.Server.Provenance;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Live;

/// <summary>Binary messages to frames and back.</summary>
internal static class FramePixels
{
    private static readonly byte[] OnePixel = new byte[3];

    /// <summary>The frame of a message.</summary>
    /// <exception cref="LiveException">Where header or pixels are not what the protocol says.</exception>
    public static Frame Read(ReadOnlySpan<byte> message, int maximumPixels)
    {
        var header = FrameHeader.Read(message);
        ReadOnlySpan<byte> body = message[FrameHeader.Length..];
        try
        {
            Frame pixels = header.Codec switch
            {
                FrameCodec.None => body.IsEmpty ? new Frame(0, default, 1, 1, OnePixel) : throw new InvalidDataException("A frame without pixels ends with its header."),
                FrameCodec.Raw => Raw(header, body, maximumPixels),
                _ => UploadedPicture.Decode(body.ToArray(), "frame", maximumPixels, FormatOf(header.Codec)),
            };
            return pixels with { Id = header.Id, Timestamp = TimeSpan.FromMicroseconds(header.Timestamp) };
        }
        catch (InvalidDataException error)
        {
            throw new LiveException(CloseCode.Malformed, error.Message);
        }
    }

    /// <summary>The message of an answer.</summary>
    public static byte[] Write(HubFrame answer, LiveSession session, PictureFinisher finisher)
    {
        (Frame frame, LiveSettings settings) = (answer.Frame, session.Settings);
        FrameCodec codec = settings.Codec!.Value;
        byte[] pixels = codec == FrameCodec.Raw ? finisher.Mark(frame).Rgb : finisher.Encode(frame, FormatOf(codec), settings.Quality!.Value, session.Description);
        byte[] message = new byte[FrameHeader.Length + pixels.Length];
        new FrameHeader(
            codec, answer.Repeated, frame.Id, (long)frame.Timestamp.TotalMicroseconds, frame.Width, frame.Height, answer.Steps,
            (uint)Math.Min(uint.MaxValue, answer.Latency.TotalMicroseconds)).Write(message);
        pixels.CopyTo(message, FrameHeader.Length);
        return message;
    }

    private static Frame Raw(FrameHeader header, ReadOnlySpan<byte> body, int maximumPixels)
    {
        PictureLimits.Check(header.Width, header.Height, "frame", maximumPixels);
        int bytes = 3 * header.Width * header.Height;
        return body.Length == bytes
            ? new Frame(0, default, header.Width, header.Height, body.ToArray())
            : throw new InvalidDataException($"A raw frame of {header.Width} x {header.Height} pixels has {bytes} bytes; got {body.Length}.");
    }

    private static PictureFormat FormatOf(FrameCodec codec) => codec switch
    {
        FrameCodec.Jpeg => PictureFormat.Jpeg,
        FrameCodec.Webp => PictureFormat.WebP,
        _ => PictureFormat.Png,
    };
}

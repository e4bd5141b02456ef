using System.Buffers.Binary;
using SkiaSharp;

namespace Millrace.Imaging;

/// <summary>Decodes a picture or an animation frame by frame, on white, the right way up.</summary>
internal sealed class SkiaDecoder : IDisposable
{
    private static readonly TimeSpan ShortestFrame = TimeSpan.FromMilliseconds(10);

    private readonly SKData _data;
    private readonly SKCodec _codec;
    private readonly SKCodecFrameInfo[] _frames; // empty for a still picture
    private readonly SKBitmap _canvas; // what the last decoded frame looks like, with alpha
    private readonly string _path;
    private int _shown = -1;

    private SkiaDecoder(SKData data, SKCodec codec, string path)
    {
        (_data, _codec, _path, _frames) = (data, codec, path, codec.FrameInfo);
        _canvas = new SKBitmap(new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Premul));
    }

    /// <summary>Number of frames; 1 for a still picture.</summary>
    public int FrameCount => Math.Max(1, _frames.Length);

    /// <summary>How long a frame is shown.</summary>
    public TimeSpan Duration(int frame)
    {
        // Browsers too show a frame without a time for a tenth of a second.
        int milliseconds = _frames.Length > frame ? _frames[frame].Duration : 0;
        TimeSpan duration = TimeSpan.FromMilliseconds(milliseconds);
        return duration < ShortestFrame ? TimeSpan.FromMilliseconds(100) : duration;
    }

    /// <summary>Opens encoded bytes.</summary>
    /// <exception cref="InvalidDataException">Where they are no picture, or one that is too large or cut off.</exception>
    public static SkiaDecoder Open(byte[] bytes, string path, long maximumPixels = PictureLimits.Pixels)
    {
        CheckWhole(bytes, path);
        SKData data = SKData.CreateCopy(bytes);
        SKCodec? codec = SKCodec.Create(data);
        try
        {
            if (codec is null)
            {
                throw new InvalidDataException($"'{path}' is no picture that can be decoded.");
            }

            PictureLimits.Check(codec.Info.Width, codec.Info.Height, path, maximumPixels);
            return new SkiaDecoder(data, codec, path);
        }
        catch
        {
            codec?.Dispose();
            data.Dispose();
            throw;
        }
    }

    /// <summary>A WebP file says how long it is; of one that is cut off the decoder would show the frames that are left.</summary>
    private static void CheckWhole(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length >= 12 && bytes.StartsWith("RIFF"u8) && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) + 8L is var length && length > bytes.Length)
        {
            throw new InvalidDataException($"'{path}' is cut off: it should have {length} bytes, and has {bytes.Length}.");
        }
    }

    /// <summary>Decodes frame <paramref name="index"/>; fastest in order.</summary>
    /// <exception cref="InvalidDataException">Where the frame is damaged or cut off.</exception>
    public Frame Decode(int index, long id, TimeSpan timestamp)
    {
        int required = _frames.Length > index ? _frames[index].RequiredFrame : -1;
        bool follows = required >= 0 && required == _shown;
        if (!follows)
        {
            _canvas.Erase(SKColors.Transparent);
        }

        var options = _frames.Length == 0 ? SKCodecOptions.Default : follows ? new SKCodecOptions(index, required) : new SKCodecOptions(index);
        SKCodecResult result = _codec.GetPixels(_canvas.Info, _canvas.GetPixels(), options);
        _shown = index;
        return result == SKCodecResult.Success
            ? OnWhite(id, timestamp)
            : throw new InvalidDataException($"'{_path}': frame {index} is damaged or cut off ({result}).");
    }

    public void Dispose()
    {
        _canvas.Dispose();
        _codec.Dispose();
        _data.Dispose();
    }

    private Frame OnWhite(long id, TimeSpan timestamp)
    {
        SKEncodedOrigin origin = _codec.EncodedOrigin;
        bool turned = origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        int width = turned ? _canvas.Height : _canvas.Width, height = turned ? _canvas.Width : _canvas.Height;
        using var target = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(target))
        {
            canvas.Clear(SKColors.White);
            canvas.Concat(Upright(origin, width, height));
            canvas.DrawBitmap(_canvas, 0, 0);
        }

        return SkiaFrames.FromBitmap(target, id, timestamp);
    }

    // The eight orientations of EXIF: a picture's stored pixels to where they are seen.
    private static SKMatrix Upright(SKEncodedOrigin origin, float width, float height) => origin switch
    {
        SKEncodedOrigin.TopRight => new SKMatrix(-1, 0, width, 0, 1, 0, 0, 0, 1),
        SKEncodedOrigin.BottomRight => new SKMatrix(-1, 0, width, 0, -1, height, 0, 0, 1),
        SKEncodedOrigin.BottomLeft => new SKMatrix(1, 0, 0, 0, -1, height, 0, 0, 1),
        SKEncodedOrigin.LeftTop => new SKMatrix(0, 1, 0, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightTop => new SKMatrix(0, -1, width, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightBottom => new SKMatrix(0, -1, width, -1, 0, height, 0, 0, 1),
        SKEncodedOrigin.LeftBottom => new SKMatrix(0, 1, 0, -1, 0, height, 0, 0, 1),
        _ => SKMatrix.Identity,
    };
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Millrace.Imaging.Sources;

/// <summary>Raw frames on a stream: what ffmpeg, OBS or a game pipes.</summary>
public sealed class RawSource : IFrameSource
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly FrameSourceOptions _options;
    private readonly (int Width, int Height) _size;

    /// <summary>Reads frames from a stream.</summary>
    /// <param name="stream">Owned.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">Size, layout and pace.</param>
    /// <exception cref="ArgumentException">Where the size is missing.</exception>
    public RawSource(Stream stream, string name, FrameSourceOptions options)
    {
        (_stream, _name, _options) = (stream, name, options);
        _size = options.RawSize ?? throw new ArgumentException($"Raw frames on {name} need their width and height.", nameof(options));
    }

    /// <inheritdoc/>
    public int? Count => null;

    /// <inheritdoc/>
    public double? FramesPerSecond => _options.FramesPerSecond;

    private int ChannelsOfFile => _options.RawFormat == RawFormat.Rgba32 ? 4 : 3;

    private int BytesPerChannel => _options.RawFormat == RawFormat.RgbFloat ? 4 : 1;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        int pixels = _size.Width * _size.Height, length = pixels * ChannelsOfFile * BytesPerChannel;
        var raw = new byte[length];
        for (long id = 0; ; id++)
        {
            // A read from a silent pipe cannot be interrupted; it is left behind, with its buffer.
            int read = await _stream.ReadAtLeastAsync(raw, length, throwOnEndOfStream: false, cancellationToken).AsTask().WaitAsync(cancellationToken);
            if (read == 0 && id > 0)
            {
                yield break;
            }

            if (read < length)
            {
                throw new InvalidDataException($"Frame {id} on {_name} has {read} bytes; {_size.Width} x {_size.Height} {_options.RawFormat} needs {length}, so {length - read} are missing.");
            }

            yield return new Frame(id, TimeSpan.FromSeconds(id / _options.FramesPerSecond), _size.Width, _size.Height, ToRgb(raw, id));
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private byte[] ToRgb(byte[] raw, long id)
    {
        var rgb = new byte[3 * _size.Width * _size.Height];
        switch (_options.RawFormat)
        {
            case RawFormat.Rgb24:
                raw.CopyTo(rgb, 0);
                break;
            case RawFormat.RgbFloat:
                FromFloats(MemoryMarshal.Cast<byte, float>(raw), rgb, id);
                break;
            default:
                bool reversed = _options.RawFormat == RawFormat.Bgr24;
                for (int target = 0, source = 0; target < rgb.Length; target += 3, source += ChannelsOfFile)
                {
                    rgb[target] = raw[reversed ? source + 2 : source];
                    rgb[target + 1] = raw[source + 1];
                    rgb[target + 2] = raw[reversed ? source : source + 2];
                }

                break;
        }

        return rgb;
    }

    private void FromFloats(ReadOnlySpan<float> values, byte[] rgb, long id)
    {
        for (int index = 0; index < rgb.Length; index++)
        {
            if (!float.IsFinite(values[index]))
            {
                int pixel = index / 3;
                throw new InvalidDataException($"Frame {id} on {_name} holds {values[index]} at column {pixel % _size.Width} of row {pixel / _size.Width}; raw values must be finite.");
            }

            rgb[index] = (byte)Math.Round(Math.Clamp(values[index], 0, 1) * 255);
        }
    }
}

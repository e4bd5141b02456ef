using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>Unsigned 8-bit activations, channels last, with a border of the byte that stands for 0, so that a convolution reads past the edge without asking.</summary>
/// <param name="Values">[rows, H + 2 border, W + 2 border, channels filled up to a multiple of 8], uint8; the caller's to dispose.</param>
/// <param name="Channels">Channels that mean something.</param>
/// <param name="Border">Pixels around the image.</param>
internal readonly unsafe record struct ByteImage(Tensor Values, int Channels, int Border)
{
    /// <summary>Rows of the batch.</summary>
    public int Rows => (int)Values.shape[0];

    /// <summary>Height without the border.</summary>
    public int Height => (int)Values.shape[1] - (2 * Border);

    /// <summary>Width without the border.</summary>
    public int Width => (int)Values.shape[2] - (2 * Border);

    /// <summary>Memory for an image, without values.</summary>
    public static ByteImage Create(long rows, long height, long width, int channels, int border) => new(
        empty([rows, height + (2 * border), width + (2 * border), (channels + PackedWeights.Block - 1) / PackedWeights.Block * PackedWeights.Block], dtype: uint8), channels, border);

    /// <summary>Writes the border, and nothing else.</summary>
    /// <param name="zero">The byte that stands for 0.</param>
    public void FillBorder(byte zero)
    {
        int stride = (int)Values.shape[3], lines = Height + (2 * Border), edge = Border * stride, length = (Width * stride) + (2 * edge);
        byte* line = Lanes.Pointer(Values);
        for (int index = 0; Border > 0 && index < Rows * lines; index++, line += length)
        {
            if (index % lines < Border || index % lines >= Border + Height)
            {
                new Span<byte>(line, length).Fill(zero);
            }
            else
            {
                new Span<byte>(line, edge).Fill(zero);
                new Span<byte>(line + length - edge, edge).Fill(zero);
            }
        }
    }
}

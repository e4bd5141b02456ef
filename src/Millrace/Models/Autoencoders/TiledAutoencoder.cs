using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.Autoencoders;

/// <summary>
/// An autoencoder that works one row and one tile at a time, so that its memory does not grow with the picture. Tiles overlap and
/// fade into one another. A picture that fits one tile is computed as without tiles.
/// </summary>
/// <remarks>
/// Memory bound beside weights, input and result: two pictures (the weighted sum and the sum of weights, which has one channel),
/// and what the inner autoencoder needs for one row of one tile. With Stable Diffusion's decoder, the default tile (512 x 512
/// pixels) and float32, a picture of 2048 x 2048 stays below 2 GiB in all. Attention in the middle and group normalization see one
/// tile only: pictures differ slightly from those without tiles.
/// </remarks>
/// <param name="inner">What computes a tile; used, not owned.</param>
/// <param name="options">Sizes; null for the defaults.</param>
public sealed class TiledAutoencoder(IAutoencoder inner, TilingOptions? options = null) : IAutoencoder
{
    private readonly TilingOptions _options = Checked(options ?? new TilingOptions());

    /// <inheritdoc/>
    public int SpatialFactor => inner.SpatialFactor;

    /// <inheritdoc/>
    public int LatentChannels => inner.LatentChannels;

    /// <inheritdoc/>
    public Tensor Encode(Tensor image)
    {
        TensorCheck.Image(image, 3, SpatialFactor);
        return Run(image, SpatialFactor, 1, inner.Encode, LatentChannels);
    }

    /// <inheritdoc/>
    public Tensor Decode(Tensor latent)
    {
        TensorCheck.Image(latent, LatentChannels);
        return Run(latent, 1, SpatialFactor, inner.Decode, channels: 3);
    }

    /// <summary>Where tiles begin along a side, the last one ending with it.</summary>
    internal static IReadOnlyList<int> Starts(int side, int tile, int overlap)
    {
        var starts = new List<int>();
        for (int start = 0; start + tile < side; start += tile - overlap)
        {
            starts.Add(start);
        }

        starts.Add(Math.Max(0, side - tile));
        return starts;
    }

    private static TilingOptions Checked(TilingOptions options)
    {
        options.Validate();
        return options;
    }

    // Numbers of tiles are in latents; "from" and "to" are the sides of a latent in the input and in the result.
    private Tensor Run(Tensor input, int from, int to, Func<Tensor, Tensor> compute, int channels)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (long rows, int height, int width) = (input.shape[0], (int)input.shape[2] / from, (int)input.shape[3] / from);
        IReadOnlyList<int> down = Starts(height, _options.TileSize, _options.Overlap), across = Starts(width, _options.TileSize, _options.Overlap);
        Tensor sum = zeros([rows, channels, (long)height * to, (long)width * to], device: input.device);
        Tensor weights = zeros([1, 1, (long)height * to, (long)width * to], device: input.device);
        foreach (int top in down)
        {
            foreach (int left in across)
            {
                using DisposeScope tileScope = NewDisposeScope();
                int tall = Math.Min(_options.TileSize, height), wide = Math.Min(_options.TileSize, width);
                Tensor weight = Fade(tall * to, top > 0, top + tall < height, to).unsqueeze(1) * Fade(wide * to, left > 0, left + wide < width, to).unsqueeze(0);
                weight = weight.to(input.device);
                weights.narrow(2, top * to, tall * to).narrow(3, left * to, wide * to).Add(weight);
                for (long row = 0; row < rows; row++)
                {
                    using DisposeScope rowScope = NewDisposeScope();
                    Tensor tile = input.narrow(0, row, 1).narrow(2, top * from, tall * from).narrow(3, left * from, wide * from).contiguous();
                    sum.narrow(0, row, 1).narrow(2, top * to, tall * to).narrow(3, left * to, wide * to).Add(compute(tile) * weight);
                }
            }
        }

        return sum.div_(weights).MoveToOuterDisposeScope();
    }

    // 1, but rising over the overlap at the start and falling at the end where there is a neighbour.
    private Tensor Fade(int length, bool neighbourBefore, bool neighbourAfter, int scale)
    {
        int overlap = _options.Overlap * scale;
        float[] weights = new float[length];
        for (int index = 0; index < length; index++)
        {
            double before = neighbourBefore && index < overlap ? (index + 0.5) / overlap : 1;
            double after = neighbourAfter && length - 1 - index < overlap ? (length - 0.5 - index) / overlap : 1;
            weights[index] = (float)Math.Min(before, after);
        }

        return tensor(weights);
    }
}

using Millrace.Models.UNets;

namespace Millrace.Benchmarks;

/// <summary>Floating-point operations of one row of a U-Net, a multiply and an add counted as two: convolutions, matrix products and attention; nothing else.</summary>
/// <param name="Convolutions">GFLOP in convolutions.</param>
/// <param name="MatrixProducts">GFLOP in matrix products.</param>
/// <param name="Attention">GFLOP in the two products of every attention.</param>
public sealed record OperationCount(double Convolutions, double MatrixProducts, double Attention)
{
    /// <summary>GFLOP in all.</summary>
    public double Total => Convolutions + MatrixProducts + Attention;

    /// <summary>Counts along the shape of the network.</summary>
    /// <param name="shape">The network; its sides must halve evenly.</param>
    /// <param name="height">Of the latent.</param>
    /// <param name="width">Of the latent.</param>
    /// <param name="tokens">Of the text.</param>
    public static OperationCount Of(UNet2DConditionOptions shape, int height, int width, int tokens)
    {
        var count = new Counter(shape, tokens);
        IReadOnlyList<int> widths = shape.BlockOutChannels;
        double pixels = (double)height * width;
        List<(int Channels, double Pixels)> skips = [];
        void Skip(int channels, double at) => skips.Add((channels, at));

        count.Convolution(shape.InChannels, widths[0], 3, pixels);
        Skip(widths[0], pixels);
        int channels = widths[0];
        for (int stage = 0; stage < widths.Count; stage++)
        {
            for (int layer = 0; layer < shape.LayersPerBlock; layer++)
            {
                count.Layer(channels, widths[stage], pixels, shape.DownBlockTypes[stage]);
                channels = widths[stage];
                Skip(channels, pixels);
            }

            if (stage < widths.Count - 1)
            {
                pixels /= 4;
                count.Convolution(channels, channels, 3, pixels);
                Skip(channels, pixels);
            }
        }

        count.Layer(channels, channels, pixels, UNetBlockType.CrossAttention);
        count.Layer(channels, channels, pixels, UNetBlockType.Plain);
        for (int stage = widths.Count - 1; stage >= 0; stage--)
        {
            for (int layer = 0; layer <= shape.LayersPerBlock; layer++)
            {
                count.Layer(channels + skips[^1].Channels, widths[stage], pixels, shape.UpBlockTypes[widths.Count - 1 - stage]);
                skips.RemoveAt(skips.Count - 1);
                channels = widths[stage];
            }

            if (stage > 0)
            {
                pixels *= 4;
                count.Convolution(channels, channels, 3, pixels);
            }
        }

        count.Convolution(channels, shape.OutChannels, 3, pixels);
        return new OperationCount(count.Convolutions / 1e9, count.MatrixProducts / 1e9, count.Attention / 1e9);
    }

    private sealed class Counter(UNet2DConditionOptions shape, int tokens)
    {
        public double Convolutions { get; private set; }

        public double MatrixProducts { get; private set; }

        public double Attention { get; private set; }

        public void Convolution(int from, int to, int kernel, double pixels) => Convolutions += 2 * pixels * from * to * kernel * kernel;

        /// <summary>A residual block and the attention behind it, if any.</summary>
        public void Layer(int from, int to, double pixels, UNetBlockType type)
        {
            Convolution(from, to, 3, pixels);
            Convolution(to, to, 3, pixels);
            if (from != to)
            {
                Convolution(from, to, 1, pixels);
            }

            Product(shape.TimeEmbedDim, to, 1);
            if (type == UNetBlockType.CrossAttention)
            {
                Transformer(to, pixels);
            }
        }

        private void Transformer(int width, double pixels)
        {
            Product(width, width, 2 * pixels); // in and out
            Product(width, width, 4 * pixels); // self-attention
            Product(width, width, 2 * pixels); // query and output of attention to the text
            Product(shape.CrossAttentionDim, width, 2.0 * tokens); // its keys and values
            Product(width, 8 * width, pixels); // gated feed-forward
            Product(4 * width, width, pixels);
            Attention += 4 * pixels * width * (pixels + tokens);
        }

        private void Product(int from, int to, double rows) => MatrixProducts += 2 * rows * from * to;
    }
}

using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

public sealed class TiledAutoencoderTests
{
    private static readonly TilingOptions Tiles = new() { TileSize = 16, Overlap = 4 };

    [Fact]
    public void A_picture_that_fits_one_tile_is_computed_as_without_tiles()
    {
        using var scope = NewDisposeScope();
        using AutoencoderKL inner = new AutoencoderKL(new AutoencoderKLOptions { BlockOutChannels = [8, 16], LayersPerBlock = 1, NormNumGroups = 4 }).Initialize(new Generator(1));
        var tiled = new TiledAutoencoder(inner, Tiles);
        Tensor latent = randn([2, 4, 12, 16], generator: new Generator(2)), image = rand(2, 3, 24, 32);

        Assert.True(Golden.RelativeError(inner.Decode(latent), tiled.Decode(latent)) < 1e-5);
        Assert.True(Golden.RelativeError(inner.Encode(image), tiled.Encode(image)) < 1e-5);
    }

    [Theory]
    [InlineData(16, 17)]
    [InlineData(61, 40)]
    [InlineData(256, 256)]
    public void Where_pixels_depend_on_nothing_far_away_tiles_leave_no_seam_and_none_is_larger_than_asked_for(int height, int width)
    {
        using var scope = NewDisposeScope();
        var inner = new Local();
        var tiled = new TiledAutoencoder(inner, Tiles);
        Tensor latent = randn([2, 4, height, width], generator: new Generator(3));
        Tensor expected = inner.Decode(latent);
        inner.Largest = 0;

        Assert.True(Golden.RelativeError(expected, tiled.Decode(latent)) < 1e-5);
        Assert.InRange(inner.Largest, 1, 16 * 16 * 4);
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        using var scope = NewDisposeScope();
        var tiled = new TiledAutoencoder(new Local(), Tiles);
        Tensor latent = randn([1, 4, 40, 40]);
        Living.StaysConstant(() => tiled.Decode(latent).Dispose(), repeats: 3);
    }

    [Fact]
    public void Latents_of_sixteen_channels_are_shifted_and_scaled_without_projections()
    {
        using var scope = NewDisposeScope();
        var options = new AutoencoderKLOptions
        {
            BlockOutChannels = [8, 16],
            LayersPerBlock = 1,
            NormNumGroups = 4,
            LatentChannels = 16,
            ScalingFactor = 1.5305,
            ShiftFactor = 0.0609,
            UseQuantConv = false,
            UsePostQuantConv = false,
            MidBlockAddAttention = false,
        };
        using AutoencoderKL autoencoder = new AutoencoderKL(options).Initialize(new Generator(1));
        Tensor image = rand(1, 3, 16, 16), mean = autoencoder.EncodeMoments(image).Mean;

        Assert.DoesNotContain(autoencoder.named_parameters(), entry => entry.name.Contains("quant_conv", StringComparison.Ordinal) || entry.name.Contains("attentions", StringComparison.Ordinal));
        Assert.Equal([1, 16, 8, 8], mean.shape);
        Assert.True(Golden.RelativeError(mean.Plus(-0.0609).Times(1.5305), autoencoder.Encode(image)) < 1e-5);
        Assert.True(Golden.RelativeError(autoencoder.call(image), autoencoder.Decode(autoencoder.Encode(image))) < 1e-4);
    }

    [Fact]
    public void Sizes_that_make_no_tiles_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("TileSize", () => new TiledAutoencoder(new Local(), new TilingOptions { TileSize = 4 }));
        Assert.Throws<ArgumentOutOfRangeException>("Overlap", () => new TiledAutoencoder(new Local(), new TilingOptions { TileSize = 16, Overlap = 9 }));
    }

    /// <summary>Each latent becomes 2 x 2 pixels by itself.</summary>
    private sealed class Local : IAutoencoder
    {
        public long Largest { get; set; }

        public int SpatialFactor => 2;

        public int LatentChannels => 4;

        public Tensor Encode(Tensor image) => throw new NotSupportedException();

        public Tensor Decode(Tensor latent)
        {
            Largest = Math.Max(Largest, latent.numel());
            using var scope = NewDisposeScope();
            return latent[.., ..3].repeat_interleave(2, 2).repeat_interleave(2, 3).MoveToOuterDisposeScope();
        }
    }
}

using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using static TorchSharp.torch;

namespace Millrace.Tests.Slow;

/// <summary>A picture of 2048 x 2048 through the decoder of Stable Diffusion, in the memory that is stated.</summary>
public sealed class TiledDecodeTests(ITestOutputHelper output)
{
    /// <summary>What <c>docs/models.md</c> states: beside the weights, 2 GiB.</summary>
    private const long Bound = 2L << 30;

    [Fact]
    public void Two_thousand_pixels_a_side_decode_within_the_stated_memory()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using AutoencoderKL inner = new AutoencoderKL(new AutoencoderKLOptions()).Initialize(new Generator(1));
        inner.PrepareForInference(ScalarType.Float32);
        var tiled = new TiledAutoencoder(inner);
        tiled.Decode(zeros(1, 4, 8, 8)).Dispose(); // Libraries allocate their own on first use.
        Tensor latent = randn([1, 4, 256, 256], generator: new Generator(2));

        long before = Environment.WorkingSet, peak = before;
        using (new Timer(_ => peak = Math.Max(peak, Environment.WorkingSet), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(5)))
        {
            Tensor picture = tiled.Decode(latent);
            Assert.Equal([1, 3, 2048, 2048], picture.shape);
            Assert.True(float.IsFinite(picture.sum().item<float>()));
        }

        output.WriteLine($"resident memory {before >> 20} MiB before, {peak >> 20} MiB at most");
        Assert.True(peak - before <= Bound, $"{(peak - before) >> 20} MiB");
    }
}

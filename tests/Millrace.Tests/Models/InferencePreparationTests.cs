using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

/// <summary>The fast path against the plain one, which is its referee.</summary>
public sealed class InferencePreparationTests
{
    private static readonly UNet2DConditionOptions Shape = new()
    {
        BlockOutChannels = [32, 64, 64],
        DownBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.Plain],
        UpBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention],
        LayersPerBlock = 1,
        NumAttentionHeads = [2, 4, 4],
        CrossAttentionDim = 32,
        NormNumGroups = 16,
    };

    [Theory]
    [InlineData(ScalarType.Float32, false, 1e-5)]
    [InlineData(ScalarType.Float32, true, 1e-5)]
    [InlineData(ScalarType.BFloat16, false, 0.03)]
    [InlineData(ScalarType.BFloat16, true, 0.03)]
    public void A_prepared_U_Net_computes_what_the_plain_one_does(ScalarType precision, bool linearProjection, double bound)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using UNet2DConditionModel network = new UNet2DConditionModel(Shape with { UseLinearProjection = linearProjection }).Initialize(generator);
        var denoiser = new Denoiser(network, PredictionType.Epsilon);
        Tensor x = randn(3, 4, 12, 20, generator: generator), t = tensor(new float[] { 999, 359, 19 });
        var text = new Conditioning(randn(3, 7, 32, generator: generator));
        Tensor plain = denoiser.Predict(x, t, text);

        network.PrepareForInference(precision);
        Assert.True(Golden.RelativeError(plain, denoiser.Predict(x, t, text)) < bound);
        Living.StaysConstant(() => denoiser.Predict(x, t, text).Dispose());
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e-5)]
    [InlineData(ScalarType.BFloat16, 0.05)]
    public void A_prepared_autoencoder_computes_what_the_plain_one_does(ScalarType precision, double bound)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using AutoencoderTiny network = new AutoencoderTiny(new AutoencoderTinyOptions()).Initialize(generator);
        Tensor image = rand(2, 3, 32, 48, generator: generator).Times(2).Plus(-1), latent = network.Encode(image), decoded = network.Decode(latent);

        network.PrepareForInference(precision);
        Assert.True(Golden.RelativeError(latent, network.Encode(image)) < bound);
        Assert.True(Golden.RelativeError(decoded, network.Decode(latent)) < bound);
    }

    [Fact]
    public void Another_precision_is_refused()
    {
        using var network = new AutoencoderTiny(new AutoencoderTinyOptions());
        Assert.Contains("BFloat16", Assert.Throws<ArgumentException>(() => network.PrepareForInference(ScalarType.Float16)).Message, StringComparison.Ordinal);
    }
}

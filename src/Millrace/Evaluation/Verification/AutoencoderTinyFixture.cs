using Millrace.Models.Autoencoders;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A tiny autoencoder: the latents of an image, and the image of these latents.</summary>
internal sealed class AutoencoderTinyFixture() : NetworkFixture("AutoencoderTiny", ["image"], ["latents", "decoded"])
{
    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new AutoencoderTiny(ReadConfig(folder, AutoencoderTinyConfig.Read));
        FixtureWeights.Load(network, folder);
        Tensor latents = network.Encoder.call(inputs["image"]);
        return [latents, network.Decoder.call(latents)];
    }
}

using Millrace.Models.Autoencoders;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>An autoencoder whose encoder gives a Gaussian: its mean and logarithm of the variance, and the image of the mean.</summary>
internal sealed class AutoencoderKLFixture() : NetworkFixture("AutoencoderKL", ["image"], ["mean", "logvar", "decoded_mean"])
{
    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new AutoencoderKL(ReadConfig(folder, AutoencoderKLConfig.Read));
        FixtureWeights.Load(network, folder);
        (Tensor mean, Tensor logVariance) = network.EncodeMoments(inputs["image"]);
        return [mean, logVariance, network.Decode(mean.Plus(-network.Options.ShiftFactor).Times(network.Options.ScalingFactor))];
    }
}

using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A text-conditional U-Net: one prediction.</summary>
internal sealed class UNetFixture() : NetworkFixture("UNet2DConditionModel", ["sample", "timestep", "encoder_hidden_states"], ["out"])
{
    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new UNet2DConditionModel(ReadConfig(folder, UNet2DConditionConfig.Read));
        FixtureWeights.Load(network, folder);
        return [network.call(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"])];
    }
}

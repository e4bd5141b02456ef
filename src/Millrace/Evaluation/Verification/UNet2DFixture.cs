using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A U-Net without text: one prediction.</summary>
internal sealed class UNet2DFixture() : NetworkFixture("UNet2DModel", ["sample", "timestep", "class_labels"], ["out"])
{
    protected override IReadOnlyList<string> Required => ["sample", "timestep"];

    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new UNet2DModel(ReadConfig(folder, UNet2DConfig.Read));
        FixtureWeights.Load(network, folder);
        return [network.call(inputs["sample"], inputs["timestep"], inputs.GetValueOrDefault("class_labels"))];
    }
}

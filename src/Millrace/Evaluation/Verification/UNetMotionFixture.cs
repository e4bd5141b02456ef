using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A U-Net of clips: one prediction.</summary>
internal sealed class UNetMotionFixture() : NetworkFixture(
    "UNetMotionModel", ["sample", "timestep", "encoder_hidden_states", "encoder_attention_mask", "text_embeds", "time_ids", "guidance"], ["out"])
{
    protected override IReadOnlyList<string> Required => ["sample", "timestep", "encoder_hidden_states"];

    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new UNetMotionModel(ReadConfig(folder, UNetMotionConfig.Read));
        FixtureWeights.Load(network, folder);
        return [network.Predict(inputs["sample"], inputs["timestep"], ConditioningOf(inputs))];
    }
}

using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A text-conditional U-Net: one prediction.</summary>
internal sealed class UNetFixture() : NetworkFixture(
    "UNet2DConditionModel",
    ["sample", "timestep", "encoder_hidden_states", "encoder_attention_mask", "text_embeds", "time_ids", "guidance", "timestep_cond", "class_labels"],
    ["out"])
{
    protected override IReadOnlyList<string> Required => ["sample", "timestep", "encoder_hidden_states"];

    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new UNet2DConditionModel(ReadConfig(folder, UNet2DConditionConfig.Read));
        FixtureWeights.Load(network, folder);
        Conditioning conditioning = ConditioningOf(inputs);
        Tensor x = inputs["sample"], t = inputs["timestep"];
        if (inputs.TryGetValue("timestep_cond", out Tensor? embedded))
        {
            UNetContext context = network.Prepare(t, conditioning, embedded);
            return [network.Decode(network.Encode(x, context), context)];
        }

        return [network.Predict(x, t, conditioning)];
    }
}

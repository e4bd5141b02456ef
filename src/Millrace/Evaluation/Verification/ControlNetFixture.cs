using System.Globalization;
using System.Text.Json;
using Millrace.Checkpoints;
using Millrace.Models.Adapters;
using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A control network: its residuals, and what the U-Net of a folder beside it makes of them.</summary>
internal sealed class ControlNetFixture() : IFixtureKind
{
    private const string ClassName = "ControlNetModel";
    private const string Down = "down.", Middle = "mid", WithUNet = "out_with_";

    private static readonly string[] Inputs =
        ["sample", "timestep", "encoder_hidden_states", "controlnet_cond", "conditioning_scale", "encoder_attention_mask", "text_embeds", "time_ids", "class_labels", "guidance"];

    public bool Recognizes(FixtureFolder folder, JsonElement document) => ClassNames.Of(document) == ClassName;

    public IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document) => [new FixtureCase(folder.Label, ClassName, () => Compare(folder))];

    private static List<TensorComparison> Compare(FixtureFolder folder)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        using SafetensorsFile file = SafetensorsFile.Open(folder.PathOf(FixtureFolder.TensorFile));
        Dictionary<string, Tensor> inputs = file.Entries.Where(entry => Inputs.Contains(entry.Name)).ToDictionary(entry => entry.Name, entry => file.Read(entry.Name));
        Conditioning conditioning = NetworkFixture.ConditioningOf(inputs);
        Tensor x = inputs["sample"], t = inputs["timestep"];
        using var network = new ControlNetModel(NetworkFixture.ReadConfig(folder, ControlNetConfig.Read));
        FixtureWeights.Load(network, folder);
        double scale = inputs.TryGetValue("conditioning_scale", out Tensor? given) ? given.to(float64).flatten()[0].item<double>() : 1;
        ControlResiduals residuals = network.Residuals(x, t, conditioning, network.Hint(inputs["controlnet_cond"])).Scaled(scale);

        Tensor Ours(string name) =>
            name == Middle ? residuals.Middle
            : name.StartsWith(Down, StringComparison.Ordinal) && int.TryParse(name.AsSpan(Down.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                ? index < residuals.Down.Count ? residuals.Down[index] : throw new InvalidDataException($"The fixture holds \"{name}\", but this network gives {residuals.Down.Count} residuals for skips.")
            : name.StartsWith(WithUNet, StringComparison.Ordinal) ? Predict(folder, name[WithUNet.Length..].Replace('_', '-'), x, t, conditioning, residuals)
            : throw new NotSupportedException($"The fixture holds \"{name}\", which {ClassName} here neither takes nor gives.");
        return [.. file.Entries.Where(entry => !Inputs.Contains(entry.Name)).Select(entry => TensorComparison.Of(entry.Name, Ours(entry.Name), file.Read(entry.Name)))];
    }

    private static Tensor Predict(FixtureFolder folder, string name, Tensor x, Tensor t, Conditioning conditioning, ControlResiduals residuals)
    {
        string path = Path.Combine(Path.GetDirectoryName(folder.Path)!, name);
        var beside = new FixtureFolder(path, name);
        if (!beside.Has(FixtureFolder.ConfigFile))
        {
            throw new NotSupportedException($"The control network was recorded with the U-Net of {path}, which is not there.");
        }

        using var network = new UNet2DConditionModel(NetworkFixture.ReadConfig(beside, UNet2DConditionConfig.Read));
        FixtureWeights.Load(network, beside);
        return network.Predict(x, t, conditioning, new UNetHooks { Controls = [residuals] });
    }
}

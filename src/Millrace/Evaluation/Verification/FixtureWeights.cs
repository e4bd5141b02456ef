using Millrace.Checkpoints;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation.Verification;

/// <summary>The weights of a fixture's network.</summary>
internal static class FixtureWeights
{
    private static readonly string[] FileNames = ["diffusion_pytorch_model.safetensors", "model.safetensors"];

    public static void Load(Module network, FixtureFolder folder)
    {
        string name = FileNames.FirstOrDefault(folder.Has) ?? throw new FileNotFoundException($"{folder.Path}: no weights, neither {string.Join(" nor ", FileNames)}.");
        using SafetensorsFile file = SafetensorsFile.Open(folder.PathOf(name));
        foreach ((string parameter, Tensor value) in network.state_dict())
        {
            using Tensor stored = file.Read(parameter);
            value.copy_(stored);
        }
    }
}

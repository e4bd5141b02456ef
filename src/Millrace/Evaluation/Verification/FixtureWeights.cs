using Millrace.Checkpoints;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation.Verification;

/// <summary>The weights of a fixture's network.</summary>
internal static class FixtureWeights
{
    public static void Load(Module network, FixtureFolder folder)
    {
        using WeightFiles files = WeightFiles.Open(folder.Path, WeightFiles.Diffusers, WeightFiles.Transformers);
        files.LoadInto(network);
    }
}

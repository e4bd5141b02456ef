using Millrace.Compression.Segments;
using Millrace.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Recovery;

/// <summary>Asks a U-Net for its prediction and for what leaves each of its stages.</summary>
internal static class StageFeatures
{
    /// <summary>Names of the features at the ends of the stages.</summary>
    public static IReadOnlyList<string> Points(Module network)
    {
        var segments = BackboneSegments.Of(network);
        string? End(string block) => segments.Skips.LastOrDefault(skip => skip.From.StartsWith(block + ".", StringComparison.Ordinal))?.From;
        return [.. segments.Blocks.Select(block => block.Name).Where(name => name is not ("conv_in" or "conv_out")).Select(name => End(name) ?? name)];
    }

    /// <summary>Predicts.</summary>
    /// <returns>The prediction, [B, C, H, W], and a feature for each point, all in the dispose scope of the caller.</returns>
    public static (Tensor Prediction, IReadOnlyList<Tensor> Features) Predict(IHookedUNet network, IReadOnlyList<string> points, Tensor x, Tensor t, Conditioning conditioning)
    {
        if (points.Count == 0)
        {
            return (network.Predict(x, t, conditioning), []);
        }

        using DisposeScope scope = NewDisposeScope();
        var features = new Tensor[points.Count];
        Tensor prediction = network.Predict(x, t, conditioning, new UNetHooks
        {
            Feature = (name, feature) =>
            {
                if (points.IndexOf(name) is >= 0 and int point)
                {
                    features[point] = feature.alias().MoveToOtherDisposeScope(scope);
                }

                return feature;
            },
        });
        return (prediction.MoveToOuterDisposeScope(), [.. features.Select(feature => feature.MoveToOuterDisposeScope())]);
    }

    private static int IndexOf(this IReadOnlyList<string> names, string name)
    {
        for (int index = 0; index < names.Count; index++)
        {
            if (names[index] == name)
            {
                return index;
            }
        }

        return -1;
    }
}

using Millrace.Models.Layers;
using Millrace.Runtime.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Attention = Millrace.Models.Layers.Attention;
using GatedGelu = Millrace.Models.Layers.GatedGelu;
using GroupNormalization = Millrace.Models.Layers.GroupNormalization;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models;

/// <summary>
/// Turns a network that computes plainly into one that computes fast: weights in the precision and the memory order that the
/// processor likes, kernels of this project where libtorch leaves time on the table. The plain network stays the referee.
/// </summary>
public static class InferencePreparation
{
    /// <summary>Prepares a network on the CPU; it cannot be trained afterwards.</summary>
    /// <param name="network">Changed in place.</param>
    /// <param name="precision">Float32, or bfloat16, to which outputs agree within a few parts in a hundred.</param>
    /// <returns>What is in use, in a few words, for a status line.</returns>
    /// <exception cref="ArgumentException">Where the precision is another.</exception>
    public static string PrepareForInference(this Module network, ScalarType precision)
    {
        if (precision is not (ScalarType.Float32 or ScalarType.BFloat16))
        {
            throw new ArgumentException($"Inference on the CPU runs in Float32 or BFloat16, got {precision}.", nameof(precision));
        }

        using IDisposable noGrad = no_grad();
        foreach (Module child in network.modules())
        {
            switch (child)
            {
                case GroupNormalization norm:
                    // Scale and shift stay in float32: they are read once a group, and the kernel wants them so.
                    norm.to(float32);
                    norm.Fused = Lanes.Supported;
                    break;
                case Convolution2d convolution:
                    convolution.to(precision);
                    convolution.UseChannelsLast();
                    break;
                case GatedGelu gate:
                    gate.Fused = Lanes.Supported;
                    break;
                case Linear or TorchSharp.Modules.LayerNorm or TorchSharp.Modules.Embedding:
                    child.to(precision);
                    break;
            }
        }

        // After the projections have their precision.
        foreach (Attention attention in network.modules().OfType<Attention>().Where(_ => Lanes.Supported))
        {
            attention.Fuse();
        }

        return $"{(precision == ScalarType.BFloat16 ? "bfloat16" : "float32")}, channels-last, {(Lanes.Supported ? "own kernels for attention, gates and normalization (AVX-512)" : "libtorch's kernels (no AVX-512)")}";
    }
}

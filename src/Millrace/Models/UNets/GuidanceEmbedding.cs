using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>The scale of a guidance that a network computes by itself, as latent consistency models take it (Luo et al. 2023, arXiv 2310.04378).</summary>
public static class GuidanceEmbedding
{
    /// <summary>Sinusoids of 1000 w, sines first, the last frequency 1 / 10000.</summary>
    /// <param name="scale">w, [B]: the usual guidance scale less 1.</param>
    /// <param name="width">Number of sinusoids; at least 4.</param>
    /// <returns>[B, width], float32; the caller's to dispose.</returns>
    public static Tensor Of(Tensor scale, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        return new SinusoidalEmbedding(width, CosineFirst: false, FrequencyShift: 1).Of(scale.to(float32).Times(1000)).MoveToOuterDisposeScope();
    }
}

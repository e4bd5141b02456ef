using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>The text encoders of FLUX.1: the hidden states of T5, and CLIP's pooled vector, not projected.</summary>
/// <param name="clip">CLIP ViT-L; used, not owned.</param>
/// <param name="t5">T5; used, not owned.</param>
public sealed class FluxTextEncoder(ClipTextEncoder clip, T5TextEncoder t5) : ITextEncoder
{
    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        return (t5.Encode(prompts) with { PooledText = clip.Run(prompts).Pooled }).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <remarks>Of T5, which reads further.</remarks>
    public bool Truncates(string prompt, out int tokensLeftOut) => t5.Truncates(prompt, out tokensLeftOut);
}

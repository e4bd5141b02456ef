using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>The text encoders of SDXL (arXiv 2307.01952, section 2.1): the hidden states before the last layer side by side, and the second's projected vector.</summary>
public sealed class StableDiffusionXLTextEncoder : ITextEncoder
{
    private readonly ClipTextEncoder[] _encoders;
    private readonly bool _emptyIsZero;

    /// <summary>Joins them.</summary>
    /// <param name="first">CLIP ViT-L; null for a refiner, which has the second alone. Used, not owned.</param>
    /// <param name="second">OpenCLIP ViT-bigG, with projection. Used, not owned.</param>
    /// <param name="emptyIsZero">Whether the empty prompt stands for zeros, as SDXL was trained, and is not encoded.</param>
    /// <exception cref="ArgumentException">Where the second has no projection, or the two read texts of other lengths.</exception>
    public StableDiffusionXLTextEncoder(ClipTextEncoder? first, ClipTextEncoder second, bool emptyIsZero)
    {
        if (second.Options.ProjectionDim is null)
        {
            throw new ArgumentException("The second text encoder must have a projection (CLIPTextModelWithProjection).", nameof(second));
        }

        if (first is not null && first.Options.MaxPositionEmbeddings != second.Options.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"Both text encoders must read as many tokens, got {first.Options.MaxPositionEmbeddings} and {second.Options.MaxPositionEmbeddings}.", nameof(first));
        }

        (_encoders, _emptyIsZero) = (first is null ? [second] : [first, second], emptyIsZero);
    }

    /// <summary>The encoders, the second last.</summary>
    internal IReadOnlyList<ClipTextEncoder> Encoders => _encoders;

    /// <summary>Width of the hidden states.</summary>
    public int TextWidth => _encoders.Sum(encoder => encoder.Options.HiddenSize);

    /// <summary>Width of the pooled vector.</summary>
    public int PooledWidth => _encoders[^1].Options.ProjectionDim!.Value;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        // Both encoders give each prompt as many windows: their states stand side by side.
        int[] windows = [.. prompts.Select(prompt => _encoders.Max(encoder => encoder.Windows(prompt)))];
        IReadOnlyList<ClipTextOutput>[] outputs = [.. _encoders.Select(encoder => encoder.RunWeighted(prompts, windows))];
        return Conditioning.Concatenate([.. prompts.Select((prompt, row) => Row(prompt, [.. outputs.Select(output => output[row])]))]).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut) => _encoders[0].Truncates(prompt, out tokensLeftOut);

    private Conditioning Row(string prompt, IReadOnlyList<ClipTextOutput> outputs)
    {
        Tensor text = cat([.. outputs.Select(output => output.PenultimateHiddenState)], dim: -1), pooled = outputs[^1].TextEmbeddings!;
        return prompt.Length == 0 && _emptyIsZero ? new Conditioning(zeros_like(text)) { PooledText = zeros_like(pooled) } : new Conditioning(text) { PooledText = pooled };
    }
}

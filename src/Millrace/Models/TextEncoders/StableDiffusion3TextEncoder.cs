using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// The text encoders of Stable Diffusion 3 (Esser et al. 2024, arXiv 2403.03206, section 4 and figure 2): both CLIP states side by side, filled up
/// with zeros to the width of T5's, and T5's behind them; both projected vectors side by side.
/// </summary>
public sealed class StableDiffusion3TextEncoder : ITextEncoder
{
    private readonly ClipTextEncoder _first;
    private readonly ClipTextEncoder _second;
    private readonly T5TextEncoder? _third;
    private readonly int _width;

    /// <summary>Joins them.</summary>
    /// <param name="first">CLIP ViT-L with projection; used, not owned, like the others.</param>
    /// <param name="second">OpenCLIP ViT-bigG with projection.</param>
    /// <param name="third">T5; null where it is left out to save memory: zeros take its place.</param>
    /// <param name="width">Width of the text that the network reads.</param>
    /// <exception cref="ArgumentException">Where widths or lengths do not fit, or a projection is missing.</exception>
    public StableDiffusion3TextEncoder(ClipTextEncoder first, ClipTextEncoder second, T5TextEncoder? third, int width)
    {
        if (first.Options.ProjectionDim is null || second.Options.ProjectionDim is null)
        {
            throw new ArgumentException("The first two text encoders must have a projection (CLIPTextModelWithProjection).", nameof(first));
        }

        int clip = first.Options.HiddenSize + second.Options.HiddenSize;
        if (clip > width || (third is not null && third.Width != width) || first.Options.MaxPositionEmbeddings != second.Options.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"The network reads text of width {width}: the first two text encoders must be at most as wide together and read as many tokens, the third as wide; "
                + $"got widths {clip} and {third?.Width.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}, lengths {first.Options.MaxPositionEmbeddings} and {second.Options.MaxPositionEmbeddings}.", nameof(width));
        }

        (_first, _second, _third, _width) = (first, second, third, width);
    }

    /// <summary>Width of the pooled vector.</summary>
    public int PooledWidth => _first.Options.ProjectionDim!.Value + _second.Options.ProjectionDim!.Value;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        ClipTextOutput first = _first.Run(prompts), second = _second.Run(prompts);
        Tensor clip = cat([first.PenultimateHiddenState, second.PenultimateHiddenState], dim: -1);
        clip = functional.pad(clip, [0, _width - clip.shape[2]]);
        Tensor behind = _third?.Encode(prompts).Text ?? zeros_like(clip);
        return new Conditioning(cat([clip, behind], dim: 1)) { PooledText = cat([first.TextEmbeddings!, second.TextEmbeddings!], dim: -1) }.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <remarks>Of the encoder that reads furthest.</remarks>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        if (_third is not null)
        {
            return _third.Truncates(prompt, out tokensLeftOut);
        }

        tokensLeftOut = _first.LeftOut(prompt);
        return tokensLeftOut > 0;
    }
}

using static TorchSharp.torch;

namespace Millrace;

/// <summary>
/// What enters a network beside x_t and t, one row for each row of x_t. A view of tensors, not their owner: who made the
/// tensors disposes them.
/// </summary>
/// <param name="Text">Hidden states of the text encoder, [B, tokens, width], in the network's precision and on its device.</param>
public sealed record Conditioning(Tensor Text)
{
    /// <summary>Which tokens of <see cref="Text"/> are attended to, [B, tokens], 1 or 0; null for all.</summary>
    public Tensor? TextMask { get; init; }

    /// <summary>The prompt as one vector, [B, width]: SDXL, Stable Diffusion 3, FLUX.</summary>
    public Tensor? PooledText { get; init; }

    /// <summary>Numbers that describe the picture, [B, count]: SDXL's original size, crop and target size; PixArt's size and aspect ratio.</summary>
    public Tensor? SizeIds { get; init; }

    /// <summary>The scale w of the guidance that a distilled network computes by itself, [B]: latent consistency models (where w is the usual scale less 1), FLUX.</summary>
    public Tensor? Guidance { get; init; }

    /// <summary>Classes, [B], int64; or, for the networks that say so, a vector for each row.</summary>
    public Tensor? ClassLabels { get; init; }

    /// <summary>Number of rows B.</summary>
    public long Rows => Text.shape[0];

    /// <summary>One row alone. The result is the caller's to dispose.</summary>
    public Conditioning Row(long row) => Select(part => part.narrow(0, row, 1));

    /// <summary>The rows of both, <paramref name="first"/> in front, [B1 + B2, tokens, width]. The result is the caller's to dispose.</summary>
    /// <exception cref="ArgumentException">Where one of the two holds a part that the other lacks.</exception>
    public static Conditioning Concatenate(Conditioning first, Conditioning second) => first.Combine(second, (left, right) => cat([left, right], 0));

    /// <summary>What a function makes of each part.</summary>
    public Conditioning Select(Func<Tensor, Tensor> change) => Combine(this, (part, _) => change(part));

    private Conditioning Combine(Conditioning other, Func<Tensor, Tensor, Tensor> combine)
    {
        Tensor? Part(Tensor? left, Tensor? right, string name) =>
            left is not null && right is not null ? combine(left, right)
            : left is null && right is null ? null
            : throw new ArgumentException($"Both conditionings must hold {name}, or neither.", nameof(other));
        return new Conditioning(combine(Text, other.Text))
        {
            TextMask = Part(TextMask, other.TextMask, nameof(TextMask)),
            PooledText = Part(PooledText, other.PooledText, nameof(PooledText)),
            SizeIds = Part(SizeIds, other.SizeIds, nameof(SizeIds)),
            Guidance = Part(Guidance, other.Guidance, nameof(Guidance)),
            ClassLabels = Part(ClassLabels, other.ClassLabels, nameof(ClassLabels)),
        };
    }
}

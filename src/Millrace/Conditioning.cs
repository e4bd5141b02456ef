using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace;

/// <summary>
/// What enters a network beside x_t and t, one row for each row of x_t. A view of tensors: who made them disposes them, here
/// all at once.
/// </summary>
/// <param name="Text">Hidden states of the text encoder, [B, tokens, width], in the network's precision and on its device.</param>
public sealed record Conditioning(Tensor Text) : IDisposable
{
    /// <summary>Which tokens of <see cref="Text"/> are attended to, [B, tokens], 1 or 0; null for all.</summary>
    public Tensor? TextMask { get; init; }

    /// <summary>The prompt as one vector, [B, width]: SDXL, Stable Diffusion 3, FLUX.</summary>
    public Tensor? PooledText { get; init; }

    /// <summary>Numbers that describe the picture, [B, count]: SDXL's original size, crop and target size; PixArt's size and aspect ratio. Null where they follow from the size of x_t.</summary>
    public Tensor? SizeIds { get; init; }

    /// <summary>The scale w of the guidance that a distilled network computes by itself, [B]: latent consistency models (where w is the usual scale less 1), FLUX.</summary>
    public Tensor? Guidance { get; init; }

    /// <summary>Classes, [B], int64; or, for the networks that say so, a vector for each row.</summary>
    public Tensor? ClassLabels { get; init; }

    /// <summary>Tokens of pictures that prompt beside the text, one tensor [B, tokens, width] for each IP-Adapter; empty for none.</summary>
    public IReadOnlyList<Tensor> ImageTokens { get; init; } = [];

    /// <summary>Number of rows B.</summary>
    public long Rows => Text.shape[0];

    /// <summary>For networks without text: <see cref="Text"/> is [rows, 0, 0]. The result is the caller's to dispose.</summary>
    public static Conditioning WithoutText(long rows) => new(empty([rows, 0, 0]));

    /// <summary>One row alone. The result is the caller's to dispose.</summary>
    public Conditioning Row(long row) => Select(part => part.narrow(0, row, 1));

    /// <summary>
    /// The rows of all, the first in front, [B1 + B2 + ..., tokens, width]. Texts that are shorter than the longest are filled up with
    /// zeros that <see cref="TextMask"/> leaves out. The result is the caller's to dispose.
    /// </summary>
    /// <exception cref="ArgumentException">Where one holds a part that another lacks.</exception>
    public static Conditioning Concatenate(params IReadOnlyList<Conditioning> parts)
    {
        using DisposeScope scope = NewDisposeScope();
        long longest = parts.Max(part => part.Text.shape[1]);
        bool masked = parts.Any(part => part.TextMask is not null || part.Text.shape[1] < longest);
        return Combine(masked ? [.. parts.Select(part => part.Filled(longest))] : parts, tensors => cat([.. tensors], 0)).MoveToOuterDisposeScope();
    }

    /// <summary>What a function makes of each part.</summary>
    public Conditioning Select(Func<Tensor, Tensor> change) => Combine([this], tensors => change(tensors[0]));

    /// <summary>Hands the tensors to the scope around the current one.</summary>
    /// <returns>This conditioning.</returns>
    public Conditioning MoveToOuterDisposeScope()
    {
        foreach (Tensor part in Parts)
        {
            _ = part.MoveToOuterDisposeScope();
        }

        return this;
    }

    /// <summary>Releases the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor part in Parts)
        {
            part.Dispose();
        }
    }

    private Conditioning Filled(long tokens)
    {
        long missing = tokens - Text.shape[1];
        Tensor mask = TextMask ?? ones(Rows, Text.shape[1], device: Text.device);
        return this with { Text = functional.pad(Text, [0, 0, 0, missing]), TextMask = functional.pad(mask, [0, missing]) };
    }

    private IEnumerable<Tensor> Parts => new[] { Text, TextMask, PooledText, SizeIds, Guidance, ClassLabels }.OfType<Tensor>().Concat(ImageTokens);

    private static Conditioning Combine(IReadOnlyList<Conditioning> all, Func<IReadOnlyList<Tensor>, Tensor> combine)
    {
        Tensor? Part(Func<Conditioning, Tensor?> part, string name)
        {
            Tensor[] held = [.. all.Select(part).OfType<Tensor>()];
            return held.Length == all.Count ? combine(held)
                : held.Length == 0 ? null
                : throw new ArgumentException($"All conditionings must hold {name}, or none.", nameof(all));
        }

        return new Conditioning(combine([.. all.Select(one => one.Text)]))
        {
            TextMask = Part(one => one.TextMask, nameof(TextMask)),
            PooledText = Part(one => one.PooledText, nameof(PooledText)),
            SizeIds = Part(one => one.SizeIds, nameof(SizeIds)),
            Guidance = Part(one => one.Guidance, nameof(Guidance)),
            ClassLabels = Part(one => one.ClassLabels, nameof(ClassLabels)),
            ImageTokens = [.. Enumerable.Range(0, all.Max(one => one.ImageTokens.Count)).Select(index => Part(one => one.ImageTokens.ElementAtOrDefault(index), nameof(ImageTokens))!)],
        };
    }
}

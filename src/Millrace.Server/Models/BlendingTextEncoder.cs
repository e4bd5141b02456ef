using static TorchSharp.torch;

namespace Millrace.Server.Models;

/// <summary>Encodes a <see cref="BlendedPrompt"/> as the weighted mean of its two, and any other prompt as the encoder that it wraps does.</summary>
internal sealed class BlendingTextEncoder(ITextEncoder encoder) : ITextEncoder
{
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        BlendedPrompt?[] blends = [.. prompts.Select(BlendedPrompt.Parse)];
        if (blends.All(blend => blend is null))
        {
            return encoder.Encode(prompts);
        }

        using var scope = NewDisposeScope();
        Conditioning first = encoder.Encode([.. prompts.Select((prompt, row) => blends[row]?.First ?? prompt)]);
        Conditioning second = encoder.Encode([.. prompts.Select((prompt, row) => blends[row]?.Second ?? prompt)]);
        Tensor shares = tensor([.. blends.Select(blend => (float)(blend?.Share ?? 0))]);
        Conditioning mixed = first with { Text = lerp(first.Text, second.Text, shares.view(-1, 1, 1)) };
        if (first.PooledText is { } pooled)
        {
            mixed = mixed with { PooledText = lerp(pooled, second.PooledText!, shares.view(-1, 1)) };
        }

        return mixed.MoveToOuterDisposeScope();
    }

    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        BlendedPrompt? blend = BlendedPrompt.Parse(prompt);
        return encoder.Truncates(blend?.First ?? prompt, out tokensLeftOut) || (blend is not null && encoder.Truncates(blend.Second, out tokensLeftOut));
    }
}

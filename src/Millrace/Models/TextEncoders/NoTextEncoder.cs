namespace Millrace.Models.TextEncoders;

/// <summary>For networks that take no prompt.</summary>
public sealed class NoTextEncoder : ITextEncoder
{
    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts) => prompts.FirstOrDefault(prompt => prompt.Length > 0) is { } given
        ? throw new ArgumentException($"This model takes no prompt; got \"{given}\".", nameof(prompts))
        : Conditioning.WithoutText(prompts.Count);

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = 0;
        return false;
    }
}

namespace Millrace;

/// <summary>Prompts to what a network is conditioned on.</summary>
public interface ITextEncoder
{
    /// <summary>Encodes prompts; the empty string is the unconditional prompt.</summary>
    /// <param name="prompts">B prompts; one longer than the model's limit is truncated, which <see cref="Truncates"/> tells beforehand.</param>
    /// <returns>B rows: hidden states in float32, and what else the model takes of a prompt; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where a prompt is none that the model takes.</exception>
    Conditioning Encode(IReadOnlyList<string> prompts);

    /// <summary>Whether <paramref name="prompt"/> is longer than the model's limit, and how many tokens are then left out.</summary>
    bool Truncates(string prompt, out int tokensLeftOut);
}

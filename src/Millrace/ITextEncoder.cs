using static TorchSharp.torch;

namespace Millrace;

/// <summary>Prompts to hidden states.</summary>
public interface ITextEncoder
{
    /// <summary>Encodes prompts; the empty string is the unconditional prompt.</summary>
    /// <param name="prompts">B prompts; one longer than the model's limit is truncated, which <see cref="Truncates"/> tells beforehand.</param>
    /// <returns>[B, tokens, width], float32; the caller's to dispose.</returns>
    Tensor Encode(IReadOnlyList<string> prompts);

    /// <summary>Whether <paramref name="prompt"/> is longer than the model's limit, and how many tokens are then left out.</summary>
    bool Truncates(string prompt, out int tokensLeftOut);
}

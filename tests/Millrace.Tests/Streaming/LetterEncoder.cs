using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>Two tokens of width 4, a function of a prompt's letters.</summary>
internal sealed class LetterEncoder : ITextEncoder
{
    /// <summary>Prompts encoded so far.</summary>
    public int Encoded { get; private set; }

    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        Encoded += prompts.Count;
        return new Conditioning(
            tensor([.. prompts.SelectMany(prompt => Enumerable.Range(0, 8).Select(index => (float)Math.Sin(prompt.Sum(letter => letter) + index)))], [prompts.Count, 2, 4]));
    }

    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = 0;
        return false;
    }
}

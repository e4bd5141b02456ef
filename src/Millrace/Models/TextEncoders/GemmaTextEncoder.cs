using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>Tokenizer and language model of Lumina-Next: prompts to the hidden states before the last layer, with a mask over the padding.</summary>
public sealed class GemmaTextEncoder : ITextEncoder
{
    private readonly GemmaModel _model;
    private readonly GemmaTokenizer _tokenizer;
    private readonly int _length;

    /// <summary>Joins the two.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="length">Tokens of every prompt, the one that opens it included; at least 2.</param>
    /// <exception cref="ArgumentException">Where the length is too small, or the tokenizer has ids that the model does not know.</exception>
    public GemmaTextEncoder(GemmaModel model, GemmaTokenizer tokenizer, int length = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        if (tokenizer.LargestId >= model.Options.VocabSize)
        {
            throw new ArgumentException(
                $"The tokenizer has ids up to {tokenizer.LargestId}, but the text encoder knows only {model.Options.VocabSize} tokens.", nameof(tokenizer));
        }

        (_model, _tokenizer, _length) = (model, tokenizer, length);
    }

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long[][] rows = [.. prompts.Select(prompt => (long[])[_tokenizer.StartId, .. _tokenizer.Tokenize(prompt).Take(_length - 1).Select(id => (long)id)])];
        Device device = _model.parameters().First().device;
        Tensor tokens = tensor(rows.SelectMany(row => row.Concat(Enumerable.Repeat((long)_tokenizer.PadId, _length - row.Length))).ToArray(), [rows.Length, _length], device: device);
        Tensor mask = tensor(rows.SelectMany(row => Enumerable.Range(0, _length).Select(index => index < row.Length ? 1f : 0f)).ToArray(), [rows.Length, _length], device: device);
        return new Conditioning(_model.Penultimate(tokens).to(float32)) { TextMask = mask }.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = Math.Max(0, _tokenizer.Tokenize(prompt).Count - (_length - 1));
        return tokensLeftOut > 0;
    }
}

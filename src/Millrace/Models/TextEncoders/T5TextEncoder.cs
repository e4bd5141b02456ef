using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>Tokenizer and encoder of T5: prompts to the last hidden state, padded to one length.</summary>
public sealed class T5TextEncoder : ITextEncoder, IDisposable
{
    private readonly T5EncoderModel _model;
    private readonly T5Tokenizer _tokenizer;
    private readonly int _length;
    private readonly bool _masksPadding;

    /// <summary>Joins the two.</summary>
    /// <param name="model">The encoder; owned.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="length">Tokens of every prompt, its end included: 256 in Stable Diffusion 3, 512 in FLUX, 120 or 300 in PixArt; at least 2.</param>
    /// <param name="masksPadding">Whether padding is left out of attention, here and in the network that reads the states, which is handed a mask (PixArt).</param>
    /// <exception cref="ArgumentException">Where the length is too small, or the tokenizer has ids that the encoder does not know.</exception>
    public T5TextEncoder(T5EncoderModel model, T5Tokenizer tokenizer, int length = 256, bool masksPadding = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        if (tokenizer.LargestId >= model.Options.VocabSize)
        {
            throw new ArgumentException(
                $"The tokenizer has ids up to {tokenizer.LargestId}, but the text encoder knows only {model.Options.VocabSize} tokens.", nameof(tokenizer));
        }

        (_model, _tokenizer, _length, _masksPadding) = (model, tokenizer, length, masksPadding);
    }

    /// <summary>Width of the hidden states.</summary>
    public int Width => _model.Options.DModel;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = Tokens(prompts);
        Tensor? mask = _masksPadding ? tokens.IsEqualTo(_tokenizer.PadId).logical_not().to(float32) : null;
        return new Conditioning(_model.call(tokens, mask).to(float32)) { TextMask = mask }.MoveToOuterDisposeScope();
    }

    /// <summary>The ids of prompts, [B, tokens], int64: text (truncated at the limit), end, padding.</summary>
    public Tensor Tokens(IReadOnlyList<string> prompts)
    {
        long[] ids = new long[prompts.Count * _length];
        Array.Fill(ids, _tokenizer.PadId);
        for (int row = 0; row < prompts.Count; row++)
        {
            IReadOnlyList<int> text = _tokenizer.Tokenize(prompts[row]);
            int count = Math.Min(text.Count, _length - 1);
            for (int index = 0; index < count; index++)
            {
                ids[(row * _length) + index] = text[index];
            }

            ids[(row * _length) + count] = _tokenizer.EndId;
        }

        return tensor(ids, [prompts.Count, _length], dtype: int64, device: _model.parameters().First().device);
    }

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = Math.Max(0, _tokenizer.Tokenize(prompt).Count - (_length - 1));
        return tokensLeftOut > 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}

using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>Tokenizer and text transformer of Stable Diffusion 1.x: prompts to the last hidden state.</summary>
public sealed class ClipTextEncoder : ITextEncoder, IDisposable
{
    private readonly ClipTextModel _model;
    private readonly ClipTokenizer _tokenizer;

    /// <summary>Joins the two.</summary>
    /// <param name="model">The transformer; owned.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <exception cref="ArgumentException">Where the tokenizer has ids that the transformer does not know.</exception>
    public ClipTextEncoder(ClipTextModel model, ClipTokenizer tokenizer)
    {
        if (tokenizer.LargestId >= model.Options.VocabSize)
        {
            throw new ArgumentException(
                $"The tokenizer has ids up to {tokenizer.LargestId}, but the text encoder knows only {model.Options.VocabSize} tokens.", nameof(tokenizer));
        }

        (_model, _tokenizer) = (model, tokenizer);
    }

    private int Limit => _model.Options.MaxPositionEmbeddings - 2;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        return new Conditioning(Run(prompts).LastHiddenState).MoveToOuterDisposeScope();
    }

    /// <summary>Everything that the transformer makes of prompts, in float32.</summary>
    /// <param name="prompts">B prompts, each truncated at the limit.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    public ClipTextOutput Run(IReadOnlyList<string> prompts)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ClipTextOutput output = _model.Encode(Tokens(prompts));
        Tensor Out(Tensor tensor) => tensor.to(float32).MoveToOuterDisposeScope();
        return new ClipTextOutput(
            Out(output.LastHiddenState), Out(output.PenultimateHiddenState), Out(output.Pooled), output.TextEmbeddings is { } embeddings ? Out(embeddings) : null);
    }

    /// <summary>The shape of the transformer.</summary>
    public ClipTextOptions Options => _model.Options;

    /// <summary>The ids of prompts, [B, positions], int64: start, text (truncated at the limit), end, padding.</summary>
    public Tensor Tokens(IReadOnlyList<string> prompts)
    {
        int length = _model.Options.MaxPositionEmbeddings;
        var ids = new long[prompts.Count * length];
        Array.Fill(ids, _tokenizer.PadId);
        for (int row = 0; row < prompts.Count; row++)
        {
            Span<long> line = ids.AsSpan(row * length, length);
            IReadOnlyList<int> text = _tokenizer.Tokenize(prompts[row]);
            int count = Math.Min(text.Count, Limit);
            line[0] = _tokenizer.StartId;
            for (int index = 0; index < count; index++)
            {
                line[index + 1] = text[index];
            }

            line[count + 1] = _tokenizer.EndId;
        }

        return tensor(ids, [prompts.Count, length], dtype: int64, device: _model.parameters().First().device);
    }

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = Math.Max(0, _tokenizer.Tokenize(prompt).Count - Limit);
        return tokensLeftOut > 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}

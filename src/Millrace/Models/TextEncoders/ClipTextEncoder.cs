using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>Tokenizer and text transformer of Stable Diffusion 1.x: prompts to the last hidden state.</summary>
/// <param name="model">The transformer; owned.</param>
/// <param name="tokenizer">The tokenizer.</param>
public sealed class ClipTextEncoder(ClipTextModel model, ClipTokenizer tokenizer) : ITextEncoder, IDisposable
{
    private int Limit => model.Options.MaxPositionEmbeddings - 2;

    /// <inheritdoc/>
    public Tensor Encode(IReadOnlyList<string> prompts)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using Tensor tokens = Tokens(prompts);
        return model.call(tokens).to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>The ids of prompts, [B, positions], int64: start, text (truncated at the limit), end, padding.</summary>
    public Tensor Tokens(IReadOnlyList<string> prompts)
    {
        int length = model.Options.MaxPositionEmbeddings;
        var ids = new long[prompts.Count * length];
        Array.Fill(ids, model.Options.PadTokenId);
        for (int row = 0; row < prompts.Count; row++)
        {
            Span<long> line = ids.AsSpan(row * length, length);
            IReadOnlyList<int> text = tokenizer.Tokenize(prompts[row]);
            int count = Math.Min(text.Count, Limit);
            line[0] = tokenizer.StartId;
            for (int index = 0; index < count; index++)
            {
                line[index + 1] = text[index];
            }

            line[count + 1] = tokenizer.EndId;
        }

        return tensor(ids, [prompts.Count, length], dtype: int64, device: model.parameters().First().device);
    }

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = Math.Max(0, tokenizer.Tokenize(prompt).Count - Limit);
        return tokensLeftOut > 0;
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();
}

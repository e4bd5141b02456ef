using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>What a <see cref="ClipTextModel"/> makes of [B, N] tokens.</summary>
/// <param name="LastHiddenState">After the final normalization, [B, N, width]; what Stable Diffusion 1.x attends to.</param>
/// <param name="PenultimateHiddenState">Before the last layer, not normalized, [B, N, width].</param>
/// <param name="Pooled">Last hidden state at the first end token, [B, width].</param>
/// <param name="TextEmbeddings">Pooled state projected, [B, projection width]; null where the model has no projection.</param>
public sealed record ClipTextOutput(Tensor LastHiddenState, Tensor PenultimateHiddenState, Tensor Pooled, Tensor? TextEmbeddings)
{
    /// <summary>What a function makes of each part.</summary>
    internal ClipTextOutput Select(Func<Tensor, Tensor> change) =>
        new(change(LastHiddenState), change(PenultimateHiddenState), change(Pooled), TextEmbeddings is { } embeddings ? change(embeddings) : null);
}

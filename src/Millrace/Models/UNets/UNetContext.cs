using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>Everything of one request that the blocks of a U-Net read beside their input. A view of tensors, not their owner.</summary>
/// <param name="Embedding">Timestep, and what is added to it, [B, width].</param>
/// <param name="Text">Hidden states of the text, [B, tokens, width]; null for a network without text.</param>
/// <param name="TextBias">Added to the scores of attention to the text, [B, 1, 1, tokens]; null for none.</param>
public sealed record UNetContext(Tensor Embedding, Tensor? Text = null, Tensor? TextBias = null)
{
    /// <summary>What the caller does to the features of this request.</summary>
    public UNetHooks Hooks { get; init; } = UNetHooks.None;

    /// <summary>Frames of each clip where rows are the frames of clips one after another; 1 for pictures.</summary>
    public int Frames { get; init; } = 1;
}

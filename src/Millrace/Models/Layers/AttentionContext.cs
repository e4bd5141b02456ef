using static TorchSharp.torch;

namespace Millrace.Models.Layers;

/// <summary>Something that is attended to beside the context of an attention, with the same queries and a softmax of its own.</summary>
/// <param name="Key">[B, N, width].</param>
/// <param name="Value">[B, N, width].</param>
/// <param name="Scale">What the result is multiplied by before it is added, [B, 1, 1].</param>
public sealed record AttentionContext(Tensor Key, Tensor Value, Tensor Scale);

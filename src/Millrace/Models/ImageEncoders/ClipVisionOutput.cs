using static TorchSharp.torch;

namespace Millrace.Models.ImageEncoders;

/// <summary>What a <see cref="ClipVisionModel"/> makes of pictures.</summary>
/// <param name="PenultimateHiddenState">Before the last layer, not normalized, [B, tokens, width]; the token of the whole picture is the first.</param>
/// <param name="ImageEmbeddings">The token of the whole picture behind the last layer, normalized and projected, [B, projection width]; null where the model has no projection.</param>
public sealed record ClipVisionOutput(Tensor PenultimateHiddenState, Tensor? ImageEmbeddings);

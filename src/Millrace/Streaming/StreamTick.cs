using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>What one tick of the <see cref="StreamBatch"/> gives.</summary>
/// <param name="FrameIds">Ids of the frames that left, in the order in which they entered; empty while the batch fills.</param>
/// <param name="Latents">x_0 of the last level, [f, C, h, w]; while the batch fills, of an empty buffer. The caller's to dispose.</param>
public sealed record StreamTick(IReadOnlyList<long> FrameIds, Tensor Latents) : IDisposable
{
    /// <summary>Whether the latents belong to frames that entered, not to the empty buffer.</summary>
    public bool Ready => FrameIds.Count > 0;

    /// <inheritdoc/>
    public void Dispose() => Latents.Dispose();
}

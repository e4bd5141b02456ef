using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>A picture that left the pipeline.</summary>
/// <param name="FrameId">Id of the frame that it answers.</param>
/// <param name="Image">[1, 3, H, W], float32, about [-1, 1]; the holder's to dispose.</param>
/// <param name="Repeated">Whether the frame was skipped, and this is the picture before it once more.</param>
public sealed record GeneratedImage(long FrameId, Tensor Image, bool Repeated) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Image.Dispose();
}

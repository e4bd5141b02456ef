using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>An encoded prompt and its negative. Frames keep the prompt under which they entered, until they leave.</summary>
public sealed class StreamPrompt : IDisposable
{
    /// <summary>Takes ownership of two encodings.</summary>
    /// <param name="positive">[1, tokens, width].</param>
    /// <param name="negative">[1, tokens, width].</param>
    public StreamPrompt(Tensor positive, Tensor negative)
    {
        (Positive, Negative) = (positive.DetachFromDisposeScope(), negative.DetachFromDisposeScope());
        if (positive.dim() != 3 || positive.shape[0] != 1 || !positive.shape.SequenceEqual(negative.shape))
        {
            throw new ArgumentException(
                $"A prompt is two encodings [1, tokens, width], got [{string.Join(", ", positive.shape)}] and [{string.Join(", ", negative.shape)}].", nameof(positive));
        }
    }

    /// <summary>[1, tokens, width].</summary>
    public Tensor Positive { get; }

    /// <summary>[1, tokens, width].</summary>
    public Tensor Negative { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Positive.Dispose();
        Negative.Dispose();
    }
}

using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>An encoded prompt and its negative. Frames keep the prompt under which they entered, until they leave.</summary>
public sealed class StreamPrompt : IDisposable
{
    /// <summary>Takes ownership of two encodings.</summary>
    /// <param name="positive">One row.</param>
    /// <param name="negative">One row of the same shape.</param>
    /// <exception cref="ArgumentException">Where the two differ in shape, or have several rows.</exception>
    public StreamPrompt(Conditioning positive, Conditioning negative)
    {
        (Positive, Negative) = (positive.Select(part => part.DetachFromDisposeScope()), negative.Select(part => part.DetachFromDisposeScope()));
        if (positive.Text.dim() != 3 || positive.Rows != 1 || !positive.Text.shape.SequenceEqual(negative.Text.shape))
        {
            throw new ArgumentException(
                $"A prompt is two encodings [1, tokens, width], got [{string.Join(", ", positive.Text.shape)}] and [{string.Join(", ", negative.Text.shape)}].", nameof(positive));
        }
    }

    /// <summary>Encodes a prompt and its negative.</summary>
    /// <param name="encoder">Used, not owned.</param>
    /// <param name="prompt">The prompt; the empty one is the unconditional.</param>
    /// <param name="negativePrompt">Its negative.</param>
    public static StreamPrompt Encode(ITextEncoder encoder, string prompt, string negativePrompt)
    {
        using var scope = NewDisposeScope();
        Conditioning both = encoder.Encode([prompt, negativePrompt]);
        Conditioning Row(long row) => both.Row(row).Select(part => part.clone());
        return new StreamPrompt(Row(0), Row(1));
    }

    /// <summary>What the frames shall be, one row.</summary>
    public Conditioning Positive { get; }

    /// <summary>What they shall not be, one row.</summary>
    public Conditioning Negative { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Positive.Dispose();
        Negative.Dispose();
    }
}

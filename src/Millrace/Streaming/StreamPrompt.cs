using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>An encoded prompt and its negative. Frames keep the prompt under which they entered, until they leave.</summary>
public sealed class StreamPrompt : IDisposable
{
    /// <summary>Takes ownership of two encodings.</summary>
    /// <param name="positive">One row.</param>
    /// <param name="negative">One row of the same width; the number of tokens may differ.</param>
    /// <exception cref="ArgumentException">Where the two differ in width, or have several rows.</exception>
    public StreamPrompt(Conditioning positive, Conditioning negative)
    {
        (Positive, Negative) = (positive.Select(part => part.DetachFromDisposeScope()), negative.Select(part => part.DetachFromDisposeScope()));
        (long[] seen, long[] other) = (positive.Text.shape, negative.Text.shape);
        if (seen is not [1, _, _] || other is not [1, _, _] || seen[2] != other[2])
        {
            throw new ArgumentException(
                $"A prompt is two encodings [1, tokens, width], got [{string.Join(", ", seen)}] and [{string.Join(", ", other)}].", nameof(positive));
        }
    }

    /// <summary>Encodes a prompt and its negative.</summary>
    /// <param name="encoder">Used, not owned.</param>
    /// <param name="prompt">The prompt; the empty one is the unconditional.</param>
    /// <param name="negativePrompt">Its negative.</param>
    public static StreamPrompt Encode(ITextEncoder encoder, string prompt, string negativePrompt)
    {
        using var scope = NewDisposeScope();
        return new StreamPrompt(encoder.Encode([prompt]), encoder.Encode([negativePrompt]));
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

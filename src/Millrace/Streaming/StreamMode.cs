namespace Millrace.Streaming;

/// <summary>What enters the stream batch each tick.</summary>
public enum StreamMode
{
    /// <summary>The encoded input frame, noised to the first level.</summary>
    ImageToImage,

    /// <summary>Fresh noise, drawn from the stream's own generator.</summary>
    TextToImage,
}

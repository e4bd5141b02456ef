namespace Millrace.Streaming;

/// <summary>A change to a running stream, in force from a frame on.</summary>
/// <param name="FrameId">Id of the first frame that enters after the change; where that frame is dropped, of the next.</param>
public sealed record StreamCommand(long FrameId)
{
    /// <summary>The new prompt; null leaves prompt and negative prompt as they are.</summary>
    public string? Prompt { get; init; }

    /// <summary>The new negative prompt; goes with <see cref="Prompt"/>.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>Whether the prompt of frames in flight changes too.</summary>
    public bool Instant { get; init; }

    /// <summary>The new options; null leaves them as they are.</summary>
    public StreamOptions? Options { get; init; }
}

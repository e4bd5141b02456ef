namespace Millrace.Streaming;

/// <summary>Everything that decides what a stream looks like, but for its model and its frames.</summary>
public sealed record StreamSession
{
    /// <summary>The version of the format that is written.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Options at the start, the seed among them.</summary>
    public required StreamOptions Options { get; init; }

    /// <summary>Prompt at the start.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Negative prompt at the start.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>Whether frames in flight were finished as soon as one was skipped.</summary>
    public bool DrainWhenStill { get; init; }

    /// <summary>Changes, each with the frame before which it took effect.</summary>
    public IReadOnlyList<StreamCommand> Commands { get; init; } = [];

    /// <summary>Frames a second; null where the source had no time of its own.</summary>
    public double? FramesPerSecond { get; init; }
}

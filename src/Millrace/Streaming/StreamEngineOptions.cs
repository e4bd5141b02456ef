using Millrace.Imaging;

namespace Millrace.Streaming;

/// <summary>How a <see cref="StreamEngine"/> moves frames.</summary>
public sealed record StreamEngineOptions
{
    /// <summary>Frames that wait between two stages; at least 1. More of them smooth, and delay.</summary>
    public int QueueCapacity { get; init; } = 2;

    /// <summary>Whether the source does not wait: then the newest frames win, and the oldest waiting one is dropped. Otherwise the source waits.</summary>
    public bool Live { get; init; }

    /// <summary>How input frames of another shape are brought to the size of the stream.</summary>
    public FitMode Fit { get; init; } = FitMode.Crop;

    /// <summary>Whether each output frame shows its input frame at its left.</summary>
    public bool SideBySide { get; init; }

    /// <summary>Changes at given frames.</summary>
    public IReadOnlyList<StreamCommand> Commands { get; init; } = [];

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(QueueCapacity, 1);
        if (!Enum.IsDefined(Fit))
        {
            throw new ArgumentException($"Fit must be one of {string.Join(", ", Enum.GetNames<FitMode>())}, got {Fit}.");
        }

        foreach (StreamCommand command in Commands)
        {
            command.Options?.Validate();
        }
    }
}

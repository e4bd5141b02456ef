using Millrace.Compression.Calibration;
using Millrace.Training.TimeLaws;

namespace Millrace.Compression.Quantization;

/// <summary>How a whole model is quantized. Checked where it is used.</summary>
public sealed record ModelQuantizationOptions
{
    /// <summary>Calibration rows.</summary>
    public int Rows { get; init; } = 256;

    /// <summary>Steps of the samplings that they are taken from.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>Where on the way they are taken.</summary>
    public TimeLaw Law { get; init; } = new NormalTimeLaw();

    /// <summary>What is sampled, in turn; every fourth row has the empty prompt besides. Empty for prompts that fit any model of text, or all classes.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>Seed of times and noise.</summary>
    public long Seed { get; init; }

    /// <summary>Whether the autoencoder is quantized too.</summary>
    public bool Autoencoder { get; init; } = true;

    /// <summary>How each network is quantized.</summary>
    public QuantizationOptions Layers { get; init; } = new();

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        CalibrationSet.CheckCount(Rows, nameof(Rows));
        ArgumentOutOfRangeException.ThrowIfLessThan(Steps, 1);
        Layers.Validate();
    }
}

using Millrace.Models;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>How a model is brought into another form.</summary>
public sealed record ConversionOptions
{
    /// <summary>Type in which floating-point weights are stored: float32, float16 or bfloat16; null keeps their own.</summary>
    public ScalarType? Precision { get; init; }

    /// <summary>Folder whose tokenizers go into the folder that is made; null leaves them out.</summary>
    public string? TokenizerPath { get; init; }

    /// <summary>What the network of a single file predicts; null for what the file says, or its family.</summary>
    public PredictionType? Prediction { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        if (Precision is { } precision)
        {
            OptionCheck.Precision(precision);
        }
    }
}

using Millrace.Models;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>How a model is loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>Precision of the weights in memory, whatever that of the files: float32, float16 or bfloat16.</summary>
    public ScalarType Precision { get; init; } = ScalarType.Float32;

    /// <summary>Where the weights go; null means the CPU.</summary>
    public Device? Device { get; init; }

    /// <summary>Folder of a tiny autoencoder (<c>config.json</c> and weights) that takes the place of the model's own; null keeps the model's own.</summary>
    public string? TinyAutoencoderPath { get; init; }

    /// <summary>Folder of the tokenizers of a model in a single file, which holds none: a model folder, or the tokenizer's own; not used with a folder.</summary>
    public string? TokenizerPath { get; init; }

    /// <summary>What the network of a single file predicts; null for what the file says, or its family. Not used with a folder.</summary>
    public PredictionType? Prediction { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate() => OptionCheck.Precision(Precision);
}

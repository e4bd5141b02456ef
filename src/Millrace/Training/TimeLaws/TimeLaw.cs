using static TorchSharp.torch;

namespace Millrace.Training.TimeLaws;

/// <summary>Where between data and noise a training batch is drawn.</summary>
public abstract record TimeLaw
{
    /// <summary>Draws times.</summary>
    /// <param name="count">How many.</param>
    /// <param name="random">Source of randomness.</param>
    /// <returns>[count], float32 in [0, 1]: 0 is the process's first time (data), 1 its last (noise). The caller's to dispose.</returns>
    public abstract Tensor Draw(long count, SeededRandom random);
}

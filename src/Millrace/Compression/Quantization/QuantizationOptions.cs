namespace Millrace.Compression.Quantization;

/// <summary>How a network is quantized. Checked where it is used.</summary>
public sealed record QuantizationOptions
{
    /// <summary>
    /// Bits of the weights, 2 to 8. At 7, pairs of products nearly always fit the 16 bits in which AVX2 adds them, which makes it
    /// faster there; instructions made for dot products do not care.
    /// </summary>
    public int WeightBits { get; init; } = 7;

    /// <summary>Bits of the activations, 2 to 8.</summary>
    public int ActivationBits { get; init; } = 8;

    /// <summary>Power of the error by which ranges are chosen, above 0.</summary>
    public double ErrorPower { get; init; } = 2.4;

    /// <summary>Ranges tried for each end; 1 takes the whole range, least to greatest.</summary>
    public int Candidates { get; init; } = 100;

    /// <summary>Fewest inputs and outputs of a layer that is quantized: the first and the last layer of a network have fewer, and stay.</summary>
    public int LeastChannels { get; init; } = 32;

    /// <summary>Fewest multiply-adds of a layer for one row: smaller ones are not worth the rounding of their input, and stay.</summary>
    public long LeastOperations { get; init; } = 250_000;

    /// <summary>Calibration rows of a network call.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        UniformQuantizer.CheckBits(WeightBits, nameof(WeightBits));
        UniformQuantizer.CheckBits(ActivationBits, nameof(ActivationBits));
        if (!(ErrorPower is > 0 and <= 10))
        {
            throw new ArgumentOutOfRangeException(nameof(ErrorPower), $"{nameof(ErrorPower)} must be above 0 and at most 10, got {ErrorPower}.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(Candidates, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(LeastChannels, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(LeastOperations);
        ArgumentOutOfRangeException.ThrowIfLessThan(Batch, 1);
    }
}

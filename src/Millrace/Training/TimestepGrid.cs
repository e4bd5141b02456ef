using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>
/// The timesteps that few-step samplers visit: index i of <paramref name="Count"/> is T - 1 - i T / Count (for 50 of 1000:
/// 999, 979, ..., 19), drawn with more weight on the noisy ones, where few-step sampling starts.
/// </summary>
/// <param name="TrainTimesteps">T.</param>
/// <param name="Count">Number of timesteps; divides T.</param>
/// <param name="NoisyShare">Share of the grid, from the noisy end, from which half of the draws are taken; in (0, 1].</param>
public sealed record TimestepGrid(int TrainTimesteps = 1000, int Count = 50, double NoisyShare = 0.66)
{
    private int Stride => TrainTimesteps / Count;

    /// <summary>Draws timesteps.</summary>
    /// <param name="count">How many.</param>
    /// <param name="random">Source of randomness.</param>
    /// <returns>[count], int64.</returns>
    public Tensor Draw(int count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor anywhere = random.Integers(Count, count);
        Tensor noisy = random.Integers((long)Math.Ceiling(NoisyShare * Count), count);
        Tensor index = where(random.Uniform(count).IsBelow(0.5), anywhere, noisy);
        return index.Times(-Stride).Plus(TrainTimesteps - 1).MoveToOuterDisposeScope();
    }

    /// <summary>The next timestep towards the sample; of the last one, itself.</summary>
    /// <param name="timesteps">Of the grid, [B], int64.</param>
    public Tensor Next(Tensor timesteps)
    {
        using Tensor earlier = timesteps.Plus(-Stride);
        return earlier.AtLeast(Stride - 1);
    }

    /// <summary>Whether each timestep is the last one, [B], bool.</summary>
    /// <param name="timesteps">Of the grid, [B], int64.</param>
    public Tensor IsLast(Tensor timesteps) => timesteps.IsBelow(Stride);
}

using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// Noise with a seed for every row, so that a sample does not depend on the batch that it shared. Drawn on the processor, so
/// that it does not depend on the device either. Moves on with every draw: one instance belongs to one run of a sampler.
/// </summary>
public sealed class SeededNoise : IDisposable
{
    private readonly Generator[] _generators;

    /// <summary>One generator for each row.</summary>
    /// <param name="seeds">One seed for each row, at least one.</param>
    /// <exception cref="ArgumentException">Where there is no seed.</exception>
    public SeededNoise(params IReadOnlyList<long> seeds)
    {
        if (seeds.Count == 0)
        {
            throw new ArgumentException("There must be one seed for each row, got none.", nameof(seeds));
        }

        _generators = [.. seeds.Select(seed => new Generator((ulong)seed, CPU))];
    }

    /// <summary>The next noise of every row; a <see cref="NoiseSource"/>.</summary>
    /// <param name="like">Whose shape, type and device the noise has; its rows are as many as there are seeds.</param>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the rows are more or fewer than the seeds.</exception>
    public Tensor Draw(Tensor like)
    {
        if (like.shape[0] != _generators.Length)
        {
            throw new ArgumentException($"There must be one seed for each row: {_generators.Length} seeds, {like.shape[0]} rows.", nameof(like));
        }

        using var scope = NewDisposeScope();
        long[] row = [1, .. like.shape[1..]];
        return cat([.. _generators.Select(generator => randn(row, generator: generator))], 0).to(like.dtype).to(like.device).MoveToOuterDisposeScope();
    }

    /// <summary>Releases the generators.</summary>
    public void Dispose()
    {
        foreach (Generator generator in _generators)
        {
            generator.Dispose();
        }
    }
}

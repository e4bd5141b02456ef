using Millrace.Solvers;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>Makes pairs with a trained model: draws noise and follows it to its sample.</summary>
public static class PairGeneration
{
    /// <summary>Makes pairs.</summary>
    /// <param name="sampler">A deterministic sampler with a fine solver, over averaged weights: coarse pairs cap what a student can learn.</param>
    /// <param name="scale">Scale of the noise at the solver's first level, sigma: stored noise is of unit variance.</param>
    /// <param name="shape">[C, H, W] of one sample.</param>
    /// <param name="count">How many pairs, at least 1.</param>
    /// <param name="origin">How they are made, for the store.</param>
    /// <param name="seed">Seed of the noise and the classes.</param>
    /// <param name="batch">Pairs made at once.</param>
    /// <param name="classes">Number of classes to draw from; 0 for a model without.</param>
    /// <param name="progress">Told the number of pairs made so far.</param>
    /// <param name="cancellation">Ends the work; there is no store then.</param>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public static PairStore Run(
        Sampler sampler, double scale, long[] shape, long count, PairOrigin origin, long seed, int batch = 1024, int classes = 0,
        IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(seed, CPU);
        List<Tensor> noises = [], samples = [], labels = [];
        for (long done = 0; done < count; done += batch)
        {
            long rows = Math.Min(batch, count - done);
            Tensor noise = random.Normal([rows, .. shape]);
            Tensor? drawn = classes > 0 ? random.Integers(classes, rows) : null;
            using var inner = NewDisposeScope();
            var conditioning = new Conditioning(empty([rows, 0, 0])) { ClassLabels = drawn };
            Tensor start = scale == 1 ? noise : noise.Times(scale);
            samples.Add(sampler.Sample(start, conditioning, _ => throw new InvalidOperationException("Pairs need a sampler that adds no noise."), cancellationToken: cancellation).MoveToOuterDisposeScope());
            noises.Add(noise);
            labels.AddRange(drawn is null ? [] : [drawn]);
            progress?.Report(done + rows);
        }

        return new PairStore(cat([.. noises], 0), cat([.. samples], 0), classes > 0 ? cat([.. labels], 0) : null, origin);
    }
}

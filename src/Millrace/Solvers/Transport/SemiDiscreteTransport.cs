using static TorchSharp.torch;

namespace Millrace.Solvers.Transport;

/// <summary>
/// The optimal transport map from the uniform law on the unit cube to a finite set of targets of equal weight: every point z goes to the
/// target n that maximizes y_n . z + h_n. Each target's cell has the same mass, so that nothing lands between targets.
/// </summary>
/// <remarks>
/// Brenier's theorem for semi-discrete transport; Li et al. 2023, arXiv 2307.11308, section 4.1: the heights h minimize the convex
/// energy E max_n (y_n . z + h_n) - mean h, whose gradient is the cells' masses less 1 / N, estimated from fresh samples and descended by Adam.
/// The published code holds the step until the error no longer falls, and keeps the heights of the least error as estimated. Here the step falls
/// evenly on a logarithmic scale: the nearer two targets are, the more finely their heights must be set against each other, and each distance gets
/// as many steps of its size. What the samples leave of noise is averaged out over the last of them.
/// </remarks>
public sealed class SemiDiscreteTransport : IDisposable
{
    private const int Block = 1 << 14; // samples scored at once
    // Of a new gradient in Adam's moments. The first gradients are huge: with the usual 0.001 for the squares a cell that once overshot stays empty.
    private const double MeanShare = 0.1, SquareShare = 0.1;
    private const double Averaged = 0.05; // of the iterations

    private readonly Tensor _targets;
    private readonly Tensor _centred;
    private readonly Tensor _heights;

    private SemiDiscreteTransport(Tensor targets, Tensor centred, Tensor heights, double error) =>
        (_targets, _centred, _heights, Error) = (targets.DetachFromDisposeScope(), centred.DetachFromDisposeScope(), heights.DetachFromDisposeScope(), error);

    /// <summary>h, [N], of mean 0; the map's.</summary>
    public Tensor Heights => _heights;

    /// <summary>Norm of the difference between the cells' masses and 1 / N, as estimated from the last samples.</summary>
    public double Error { get; }

    /// <summary>Solves for the heights.</summary>
    /// <param name="targets">[N, ...], float32, N at least 2, no two alike.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Seed of the samples.</param>
    /// <param name="progress">Told iteration and error.</param>
    /// <param name="cancellation">Ends the work; there is no map then.</param>
    /// <exception cref="ArgumentException">Where targets are too few, alike or not finite.</exception>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public static SemiDiscreteTransport Solve(
        Tensor targets, TransportOptions options, long seed, IProgress<(int Iteration, double Error)>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        Check(targets);
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var generator = new Generator((ulong)seed);
        long count = targets.shape[0];
        Tensor points = targets.flatten(1).to(float32), centred = points.Minus(points.mean([0], keepdim: true)); // small numbers keep the argmax exact
        Tensor heights = zeros(count), average = zeros(count), mean = zeros(count), square = zeros(count);
        int last = Math.Max(1, (int)(Averaged * options.Iterations));
        double error = 0;
        for (int iteration = 0; iteration < options.Iterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            Tensor gradient = Masses(centred, heights, options.SamplesPerTarget * count, generator).Plus(-1.0 / count);
            error = gradient.norm().item<float>();
            progress?.Report((iteration, error));
            mean.MoveTowards(gradient, MeanShare);
            square.MoveTowards(gradient.Squared(), SquareShare);
            double rate = options.LearningRate * Math.Pow(options.FinalLearningRateRatio, (double)iteration / options.Iterations);
            heights.AddQuotient(mean, square.sqrt().Plus(1e-8), -rate);
            heights.Add(heights.mean(), -1);
            if (iteration >= options.Iterations - last)
            {
                average.Add(heights, 1.0 / last);
            }
        }

        return new SemiDiscreteTransport(targets.clone(), centred, average, error);
    }

    /// <summary>The index of the target of each point.</summary>
    /// <param name="points">[B, D], in [0, 1], D as the targets have.</param>
    /// <returns>[B], int64; the caller's to dispose.</returns>
    public Tensor Indices(Tensor points) => Nearest(_centred, _heights, points);

    /// <summary>Draws points of the source and moves them to their targets.</summary>
    /// <param name="count">How many.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>[count, ...]; the caller's to dispose.</returns>
    public Tensor Draw(long count, Generator generator)
    {
        using var scope = NewDisposeScope();
        return _targets.index_select(0, Indices(rand([count, _centred.shape[1]], generator: generator))).MoveToOuterDisposeScope();
    }

    /// <summary>The mass of each cell, estimated.</summary>
    /// <param name="samples">Samples of the source.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>[N], of sum 1; the caller's to dispose.</returns>
    public Tensor Masses(long samples, Generator generator) => Masses(_centred, _heights, samples, generator);

    /// <inheritdoc/>
    public void Dispose()
    {
        _targets.Dispose();
        _centred.Dispose();
        _heights.Dispose();
    }

    private static Tensor Masses(Tensor centred, Tensor heights, long samples, Generator generator)
    {
        using var scope = NewDisposeScope();
        Tensor counts = zeros(heights.shape[0]);
        for (long done = 0; done < samples; done += Block)
        {
            using var inner = NewDisposeScope();
            Tensor points = rand([Math.Min(Block, samples - done), centred.shape[1]], generator: generator);
            counts.Add(bincount(Nearest(centred, heights, points), minlength: heights.shape[0]).to(float32));
        }

        return counts.Times(1.0 / samples).MoveToOuterDisposeScope();
    }

    private static Tensor Nearest(Tensor centred, Tensor heights, Tensor points)
    {
        using var scope = NewDisposeScope();
        return points.matmul(centred.t()).Plus(heights).argmax(1).MoveToOuterDisposeScope();
    }

    private static void Check(Tensor targets)
    {
        using var scope = NewDisposeScope();
        Tensor points = targets.flatten(1);
        if (targets.shape[0] < 2 || !points.isfinite().all().item<bool>())
        {
            throw new ArgumentException($"There must be at least two targets, all finite, got [{string.Join(", ", targets.shape)}].", nameof(targets));
        }

        long distinct = points.unique(dim: 0).output.shape[0];
        if (distinct < targets.shape[0])
        {
            throw new ArgumentException($"Targets must differ: only {distinct} of {targets.shape[0]} do.", nameof(targets));
        }
    }
}

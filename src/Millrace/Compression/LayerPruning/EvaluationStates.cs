using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Compression.LayerPruning;

/// <summary>Noised samples on which variants of a network are compared: the same for all of them, or noise would drown small differences.</summary>
/// <param name="x">What the network sees, [N, C, H, W], N at least 32; owned from here on.</param>
/// <param name="t">Time of each row, [N]; owned.</param>
/// <param name="conditioning">One row for each; owned.</param>
/// <exception cref="ArgumentException">Where there are fewer than 32 rows.</exception>
public sealed class EvaluationStates(Tensor x, Tensor t, Conditioning conditioning) : IDisposable
{
    private const int Fewest = 32, Batch = 64;

    /// <summary>What the network sees, [N, C, H, W].</summary>
    public Tensor X { get; } = x.shape[0] >= Fewest
        ? x : throw new ArgumentException($"Layers are compared on at least {Fewest} states, got {x.shape[0]}: fewer say little of small differences.", nameof(x));

    /// <summary>[N].</summary>
    public Tensor T { get; } = t;

    /// <summary>N rows.</summary>
    public Conditioning Conditioning { get; } = conditioning;

    /// <summary>Samples with independent noise at times spread evenly over the process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="data">Samples and noise; asked once.</param>
    /// <param name="seed">Of all randomness.</param>
    public static EvaluationStates Draw(IDiffusionProcess process, Coupling data, long seed)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(seed, CPU);
        CoupledBatch batch = data(0, random);
        long count = batch.Sample.shape[0];
        var levels = LevelRows.At(process, TensorArithmetic.Indices(count, type: ScalarType.Float32).Plus(0.5).Times(1.0 / count));
        return new EvaluationStates(
            levels.Input(batch.Sample, batch.Noise).DetachFromDisposeScope(), levels.Time.DetachFromDisposeScope(),
            batch.Conditioning.Select(part => part.clone().DetachFromDisposeScope()));
    }

    /// <summary>Rows at a time, without gradients; the tensors live as long as <paramref name="use"/> runs.</summary>
    /// <param name="use">Gets the first row's index and the rows.</param>
    internal void InParts(Action<long, Tensor, Tensor, Conditioning> use)
    {
        using IDisposable noGrad = no_grad();
        for (long start = 0; start < X.shape[0]; start += Batch)
        {
            using var scope = NewDisposeScope();
            long rows = Math.Min(Batch, X.shape[0] - start);
            use(start, X.narrow(0, start, rows), T.narrow(0, start, rows), Conditioning.Select(part => part.narrow(0, start, rows)));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        X.Dispose();
        T.Dispose();
        Conditioning.Dispose();
    }
}

using Millrace.Compression.Pruning;
using Millrace.Distillation;
using Millrace.Models;
using Millrace.Solvers;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.MaskLearning;

/// <summary>
/// Trains a mask, and nothing else, so that the sample at the end of all steps stays what the whole network made of the same noise,
/// while a penalty closes gates. Steps are gone back through one at a time, each computed again under the gates that it had: the
/// memory of one network call.
/// </summary>
/// <remarks>Zhang et al. 2024, arXiv 2412.02852: L = MSE(z_0 masked, z_0) + weight times penalty; time step gradient checkpointing.</remarks>
public sealed class EndToEndMaskObjective : IObjective
{
    private readonly UnitMask _mask;
    private readonly IConditionalNetwork _network;
    private readonly PredictionType _prediction;
    private readonly ISolver _solver;
    private readonly PairStore _pairs;
    private readonly int _rows;
    private readonly double _penaltyWeight;

    /// <summary>Prepares.</summary>
    /// <param name="mask">What is trained.</param>
    /// <param name="network">The backbone, which stays as it is; used, not owned.</param>
    /// <param name="prediction">What it predicts.</param>
    /// <param name="solver">The sampler, deterministic: the one that made the pairs.</param>
    /// <param name="pairs">Noise, and the samples that the whole network's sampler made of it.</param>
    /// <param name="rows">Pairs in an update, at least 1.</param>
    /// <param name="penaltyWeight">Weight of the penalty; at least 0.</param>
    /// <exception cref="ArgumentException">Where the pairs are of other weights, the weights are no floating-point numbers, or a number is out of range.</exception>
    public EndToEndMaskObjective(
        UnitMask mask, IConditionalNetwork network, PredictionType prediction, ISolver solver, PairStore pairs, int rows, double penaltyWeight)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(penaltyWeight);
        if (((Module)network).parameters().FirstOrDefault(parameter => parameter.dtype != ScalarType.Float32) is { } other)
        {
            throw new ArgumentException($"Masks are learned on float32 weights, got {other.dtype}.", nameof(network));
        }

        string fingerprint = WeightFingerprint.Of((Module)network);
        if (pairs.Origin.Teacher != fingerprint)
        {
            throw new ArgumentException($"The pairs must be samples of this network, {fingerprint}, they are of {pairs.Origin.Teacher}.", nameof(pairs));
        }

        (_mask, _network, _prediction, _solver, _pairs, _rows, _penaltyWeight) = (mask, network, prediction, solver, pairs, rows, penaltyWeight);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("mask", _mask, Loss)];

    /// <summary>The loss of a batch. Its first part has gone backward when this returns; the penalty still has to.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, CPU);
        using var frozen = new FrozenWeights((Module)_network);
        CoupledBatch batch = _pairs.Draw(_rows, random);
        (double distance, _) = SamplerGradient.Checkpointed(
            Masked(draw.Seed), _solver, batch.Noise.Times(_solver.First.Sigma), batch.Conditioning, sample => sample.Minus(batch.Sample).Squared().mean());
        Tensor penalty = _mask.Penalty();
        draw.Record("penalty", penalty);
        return penalty.Times(_penaltyWeight).Plus(distance).MoveToOuterDisposeScope();
    }

    /// <summary>The network under gates drawn with a seed, anew in every step, under autograd.</summary>
    internal IDenoiser Masked(long seed) => new AutogradDenoiser(new MaskedNetwork(_network, t => _mask.Draw(seed, t)), _prediction, ScalarType.Float32);
}

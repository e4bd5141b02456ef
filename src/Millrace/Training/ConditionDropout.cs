using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>Drops the condition of some rows, so that a network also learns to do without: what classifier-free guidance needs.</summary>
/// <remarks>Ho and Salimans 2022, arXiv 2207.12598, section 3.2.</remarks>
/// <param name="Share">Share of the rows, in [0, 1].</param>
/// <param name="Label">The class that stands for none.</param>
public sealed record ConditionDropout(double Share, long Label)
{
    /// <summary>A coupling whose classes are dropped.</summary>
    /// <exception cref="ArgumentException">Where its batches have no classes.</exception>
    public Coupling Apply(Coupling coupling) => (step, random) =>
    {
        CoupledBatch batch = coupling(step, random);
        Tensor classes = batch.Conditioning.ClassLabels ?? throw new ArgumentException("There is no class to drop.", nameof(coupling));
        using Tensor none = TensorArithmetic.Filled(Label, classes.device, 1).to(classes.dtype);
        return batch with { Conditioning = batch.Conditioning with { ClassLabels = Drop(Share, classes, none, random) } };
    };

    /// <summary>Puts the condition that stands for none into some rows.</summary>
    /// <param name="share">Share of the rows, in [0, 1].</param>
    /// <param name="conditions">One a row, [B, ...].</param>
    /// <param name="none">The condition that stands for none, [1, ...].</param>
    /// <param name="random">Source of randomness.</param>
    /// <returns>[B, ...]; the caller's to dispose.</returns>
    public static Tensor Drop(double share, Tensor conditions, Tensor none, SeededRandom random)
    {
        using Tensor drawn = random.Uniform([conditions.shape[0], .. Enumerable.Repeat(1L, conditions.shape.Length - 1)]), drop = drawn.IsBelow(share);
        return where(drop, none, conditions);
    }
}

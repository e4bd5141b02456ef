using Millrace.Training;

namespace Millrace.Distillation;

/// <summary>
/// Begins reflow with independent noise, which a network without the teacher's weights learns easily, and slides to the teacher's
/// pairs: the noise of a pair becomes sqrt(1 - beta^2) e + beta z, which stays standard normal.
/// </summary>
/// <remarks>Zhu et al. 2024, arXiv 2407.12718, section 3.1.</remarks>
public sealed record NoiseAnnealing
{
    /// <summary>Chooses the slide.</summary>
    /// <param name="steps">K, steps until only pairs are left, above 0.</param>
    /// <param name="shape">How beta falls.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where there are no steps.</exception>
    public NoiseAnnealing(long steps, NoiseAnnealingShape shape = NoiseAnnealingShape.Linear)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        (Steps, Shape) = (steps, shape);
    }

    /// <summary>K.</summary>
    public long Steps { get; }

    /// <summary>How beta falls.</summary>
    public NoiseAnnealingShape Shape { get; }

    /// <summary>beta after a number of steps, from 1.</summary>
    /// <param name="step">At least 0.</param>
    public double BetaAt(long step)
    {
        double done = (double)step / Steps;
        return Shape switch
        {
            NoiseAnnealingShape.Linear => 1 - Math.Min(1, done),
            NoiseAnnealingShape.Cosine => (1 + Math.Cos(Math.PI * Math.Min(1, done))) / 2,
            NoiseAnnealingShape.Exponential => Math.Exp(-done),
            _ => throw new InvalidOperationException($"Unknown shape {Shape}."),
        };
    }

    /// <summary>A coupling whose noise is annealed.</summary>
    public Coupling Apply(Coupling pairs) => (step, random) =>
    {
        CoupledBatch batch = pairs(step, random);
        double beta = BetaAt(step);
        return beta == 0 ? batch : batch with
        {
            Noise = batch.Noise.Times(Math.Sqrt(1 - (beta * beta))).Plus(random.Normal(batch.Noise.shape).Times(beta)),
        };
    };
}

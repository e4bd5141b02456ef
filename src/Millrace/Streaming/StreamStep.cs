using Millrace.Processes;

namespace Millrace.Streaming;

/// <summary>One step between two levels as weights: x' = OfX x + OfSample m + OfEarlier m_1 + OfNoise z, m the clean sample, m_1 that of the level before.</summary>
internal readonly record struct StreamStep(double OfX, double OfSample, double OfEarlier, double OfNoise)
{
    private const double Gamma = 0.3;

    /// <summary>The step from one level to the next.</summary>
    /// <param name="solver">Which solver.</param>
    /// <param name="process">The process that the network was trained on.</param>
    /// <param name="before">The level before the first; null where there is none.</param>
    /// <param name="from">Where it starts.</param>
    /// <param name="to">Where it ends; has noise.</param>
    public static StreamStep Between(StreamSolver solver, IDiffusionProcess process, NoiseLevel? before, NoiseLevel from, NoiseLevel to) => solver switch
    {
        StreamSolver.Lcm => new(0, to.Alpha, 0, to.Sigma),
        StreamSolver.Tcd => ByTrajectory(Landing(process, to), from, to),
        StreamSolver.DpmPlusPlus2M when before is { } earlier => Along(from, to).With(earlier, from, to),
        _ => Along(from, to),
    };

    /// <summary>alpha' m + sigma' e with the noise e = (x - alpha m) / sigma.</summary>
    private static StreamStep Along(NoiseLevel from, NoiseLevel to) => new(to.Sigma / from.Sigma, to.Alpha - (from.Alpha * to.Sigma / from.Sigma), 0, 0);

    private static NoiseLevel Landing(IDiffusionProcess process, NoiseLevel to) => process is FlowProcess flow
        ? SigmaPath.Of(flow).At((1 - Gamma) * to.Sigma)
        : process.LevelAt(Math.Floor((1 - Gamma) * to.Timestep));

    private static StreamStep ByTrajectory(NoiseLevel landing, NoiseLevel from, NoiseLevel to)
    {
        StreamStep down = Along(from, landing);
        double ratio = to.Alpha / landing.Alpha;
        return new(ratio * down.OfX, ratio * down.OfSample, 0, Math.Sqrt(Math.Max(0, Math.Pow(to.Sigma, 2) - Math.Pow(ratio * landing.Sigma, 2))));
    }

    /// <summary>m + (m - m_1) / (2 r) in place of m, r the width of the last step over that of this one in ln(alpha / sigma).</summary>
    private StreamStep With(NoiseLevel earlier, NoiseLevel from, NoiseLevel to)
    {
        double bend = (to.LogSnr - from.LogSnr) / (from.LogSnr - earlier.LogSnr) / 2;

        // From pure noise every step is infinitely wide, and nothing is known of how the estimate bends.
        return double.IsFinite(bend) ? this with { OfSample = OfSample * (1 + bend), OfEarlier = -OfSample * bend } : this;
    }
}

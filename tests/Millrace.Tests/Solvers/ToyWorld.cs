using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

/// <summary>
/// Data whose best network is known: numbers around -Mode and +Mode with some spread. Mode 0 is Gaussian, whose probability flow has a
/// closed form; with a spread of 0 as well, it is a single point.
/// </summary>
internal sealed record ToyWorld(double Mode, double Spread)
{
    public static readonly ToyWorld Point = new(0, 0), Gaussian = new(0, 0.7), TwoModes = new(1, 0.5);

    public const double SigmaMax = 5, SigmaMin = 0.2;

    /// <summary>E[x_0 | x], the best estimate of the clean sample: float64, any shape.</summary>
    public Tensor CleanSample(Tensor x, double alpha, double sigma)
    {
        double variance = (alpha * alpha * Spread * Spread) + (sigma * sigma), share = alpha * Spread * Spread / variance;
        return x.Times(share).Plus(x.Times(alpha * Mode / variance).tanh().Times(Mode * (1 - (alpha * share))));
    }

    /// <summary>What a network that predicts <paramref name="type"/> gives, for x before its input scale.</summary>
    public Tensor Output(PredictionType type, Tensor x, NoiseLevel level)
    {
        Tensor sample = CleanSample(x, level.Alpha, level.Sigma), noise = x.Minus(sample.Times(level.Alpha)).Times(1.0 / level.Sigma);
        double a = level.InputScale * level.Alpha, b = level.InputScale * level.Sigma;
        return type switch
        {
            PredictionType.Epsilon => noise,
            PredictionType.VPrediction => noise.Times(a).Minus(sample.Times(b)),
            PredictionType.Sample => sample,
            PredictionType.Edm => sample.Times(b).Minus(noise.Times(a)),
            _ => noise.Minus(sample),
        };
    }

    /// <summary>x / alpha at a sigma / alpha, by the classical Runge-Kutta method over its logarithm: the referee.</summary>
    public Tensor Flow(Tensor x, double from, double to, int steps = 4000)
    {
        Tensor Slope(Tensor at, double log) => at.Minus(CleanSample(at, 1, Math.Exp(log)));
        double h = Math.Log(to / from) / steps;
        for (int step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            double log = Math.Log(from) + (step * h);
            Tensor k1 = Slope(x, log), k2 = Slope(x.Plus(k1.Times(h / 2)), log + (h / 2)), k3 = Slope(x.Plus(k2.Times(h / 2)), log + (h / 2)), k4 = Slope(x.Plus(k3.Times(h)), log + h);
            x = x.Plus(k1.Plus(k2.Times(2)).Plus(k3.Times(2)).Plus(k4).Times(h / 6)).MoveToOuterDisposeScope();
        }

        return x;
    }

    /// <summary>Runs a solver to its end.</summary>
    public Tensor Run(ISolver solver, Tensor x, NoiseSource noise, PredictionType type = PredictionType.Sample)
    {
        SolverState state = solver.Start(x);
        while (solver.Next(state) is { } level)
        {
            state = solver.Step(state, Estimate.Of(type, Output(type, state.X, level), state.X, level), noise);
        }

        return state.X;
    }

    /// <summary>
    /// Sigmas whose first steps are very small, so that the lower order of a multistep's start does not show in its error; a last
    /// step to 0 where wanted.
    /// </summary>
    public static double[] Sigmas(int steps, bool toZero = false)
    {
        double Sigma(double u) => SigmaMax * Math.Pow(SigmaMin / SigmaMax, u * u * u);
        IEnumerable<double> sigmas = Enumerable.Range(0, steps + (toZero ? 0 : 1)).Select(index => Sigma((double)index / (steps - (toZero ? 1 : 0))));
        return [.. sigmas, .. toZero ? new double[] { 0 } : []];
    }
}

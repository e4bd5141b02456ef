using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

/// <summary>Solvers that add noise, against their papers' algorithms in plain numbers and against the law of Gaussian data.</summary>
public sealed class StochasticSolverTests
{
    private static readonly SigmaPath Exploding = SigmaPath.Of(VariancePreservingProcess.StableDiffusion);
    private static readonly SigmaPath Edm = SigmaPath.Of(new EdmProcess());
    private static readonly double[] Sigmas = [5, 2.5, 1.2, 0.5, 0];

    public static TheoryData<string> Churned => ["EDM Heun, churned", "DPM-Solver++ SDE", "Euler ancestral", "DPM-Solver++ 2M SDE"];

    [Theory]
    [InlineData(1.2, 0, 100, 1, true)]
    [InlineData(40, 0.6, 3, 1.003, true)]
    [InlineData(1.2, 0.6, 3, 0.9, false)]
    public void Churn_is_the_algorithm_of_its_paper(double amount, double least, double most, double scale, bool corrects)
    {
        using var scope = NewDisposeScope();
        double[] noises = [0.3, -1.1, 0.7, 1.9];
        int drawn = 1;
        double gamma = Math.Min(amount / 4, Math.Sqrt(2) - 1), start = Sigmas[0] <= most ? (1 + gamma) * Sigmas[0] : Sigmas[0], x = 0.4 * start;
        for (int step = 0; step < 4; step++)
        {
            (double from, double to) = (Sigmas[step], Sigmas[step + 1]);
            double raised = from >= least && from <= most ? (1 + gamma) * from : from;
            if (step > 0 && raised > from)
            {
                x += scale * Math.Sqrt((raised * raised) - (from * from)) * noises[drawn++];
            }

            double slope = (x - Clean(x, raised)) / raised, next = x + ((to - raised) * slope);
            x = to > 0 && corrects ? x + ((to - raised) * (slope + ((next - Clean(next, to)) / to)) / 2) : next;
        }

        int asked = 1;
        HeunSolver solver = HeunSolver.Churned(Edm, [.. Sigmas.Select(Edm.At)], new StochasticChurn(amount, least, most, scale), corrects);
        Tensor found = ToyWorld.TwoModes.Run(solver, Number(0.4 * solver.First.Sigma), _ => Number(noises[asked++]));

        Assert.Equal(drawn, asked);
        Assert.Equal(x, found.item<double>(), 1e-9);
    }

    [Fact]
    public void DPM_Solver_SDE_is_its_algorithm_over_one_Brownian_path()
    {
        using var scope = NewDisposeScope();
        double[] noises = [0.3, -1.1, 0.7, 1.9, -0.2, 0.8];
        int drawn = 0;
        double x = 2;
        for (int step = 0; step < 4; step++)
        {
            (double from, double to) = (Sigmas[step], Sigmas[step + 1]);
            double clean = Clean(x, from);
            if (to == 0)
            {
                x = clean;
                continue;
            }

            double middle = Math.Exp((Math.Log(from) + Math.Log(to)) / 2);

            // A Brownian path over sigma, walked in two pieces.
            double first = noises[drawn++] * Math.Sqrt(from - middle), second = noises[drawn++] * Math.Sqrt(middle - to);
            double Ancestral(double end, double estimate, double noise)
            {
                double up = Math.Sqrt(end * end * ((from * from) - (end * end)) / (from * from)), down = Math.Sqrt((end * end) - (up * up));
                return (down / from * x) + ((1 - (down / from)) * estimate) + (up * noise);
            }

            double inner = Ancestral(middle, clean, first / Math.Sqrt(from - middle));
            x = Ancestral(to, Clean(inner, middle), (first + second) / Math.Sqrt(from - to));
        }

        int asked = 0;
        Tensor found = ToyWorld.TwoModes.Run(new DpmSdeSolver(Exploding, [.. Sigmas.Select(Exploding.At)]), Number(2), _ => Number(noises[asked++]));
        Assert.Equal(x, found.item<double>(), 1e-9);
    }

    [Fact]
    public void Churn_of_nothing_is_Heun_to_the_bit()
    {
        using var scope = NewDisposeScope();
        NoiseLevel[] levels = [.. Sigmas.Select(Edm.At)];
        Tensor Run(ISolver solver) => ToyWorld.TwoModes.Run(solver, Number(2), _ => throw new InvalidOperationException());
        Assert.True(Run(new HeunSolver(Edm, NoiseInterval.Between(levels))).Equals(Run(HeunSolver.Churned(Edm, levels, new StochasticChurn(0)))));
    }

    [Theory]
    [MemberData(nameof(Churned))]
    public void Gaussian_data_keeps_its_spread(string name)
    {
        using var scope = NewDisposeScope();
        ISolver solver = SolverCase.Named(name).Make(ToyWorld.Sigmas(150));
        const int count = 20_000;
        using var noise = new SeededNoise(7);
        Tensor like = zeros([1, 1, 1, count], dtype: ScalarType.Float64);
        double end = Math.Sqrt((0.7 * 0.7) + (ToyWorld.SigmaMin * ToyWorld.SigmaMin));
        double first = Math.Sqrt((solver.First.Alpha * solver.First.Alpha * 0.7 * 0.7) + (solver.First.Sigma * solver.First.Sigma));
        Tensor found = ToyWorld.Gaussian.Run(solver, noise.Draw(like).Times(first), noise.Draw);
        double last = solver.First.Alpha == 1 ? 1 : 1 / Math.Sqrt(1 + (ToyWorld.SigmaMin * ToyWorld.SigmaMin));

        // Four standard errors of a standard deviation, and the steps' own error.
        Assert.InRange(found.std().item<double>() / (last * end), 0.96, 1.04);
    }

    private static double Clean(double x, double sigma)
    {
        using var scope = NewDisposeScope();
        return ToyWorld.TwoModes.CleanSample(Number(x), 1, sigma).item<double>();
    }

    private static Tensor Number(double value) => tensor([value]).view(1, 1, 1, 1);
}

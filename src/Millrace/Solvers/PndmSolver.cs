using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// Pseudo numerical methods: DDIM's transfer from level to level with the outputs of several evaluations combined. PLMS alone
/// starts with one step evaluated twice; PNDM starts with three Runge-Kutta steps of four evaluations.
/// </summary>
/// <remarks>
/// Liu et al. 2022, arXiv 2202.09778: the transfer is equation 11, the combinations are equations 12 (linear multistep) and 13 (Runge-Kutta);
/// the start of PLMS is equation 22 of its appendix. The outputs are combined as the network gave them, and converted afterwards.
/// </remarks>
public sealed class PndmSolver : GridSolver
{
    private static readonly double[][] Multistep = [[1], [1.5, -0.5], [23.0 / 12, -16.0 / 12, 5.0 / 12], [55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24]];
    private static readonly double[] RungeKutta = [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6];

    private readonly PndmEvaluation[] _evaluations;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="evaluations">Those of <see cref="PndmEvaluation.Multistep"/> or <see cref="PndmEvaluation.RungeKuttaFirst"/>.</param>
    public PndmSolver(IReadOnlyList<PndmEvaluation> evaluations)
        : base(evaluations.Select(evaluation => evaluation.At)) => _evaluations = [.. evaluations];

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        PndmEvaluation now = _evaluations[state.Position];
        Tensor output = estimate.Output;
        switch (now.Kind)
        {
            // Memory: x where the step started, what is summed up, then the outputs of the steps before, last first.
            case PndmEvaluationKind.RungeKutta:
                int stage = state.Position % RungeKutta.Length;
                Tensor start = stage == 0 ? state.X : state.Memory[0];
                IEnumerable<Tensor> outputs = stage == 0 ? [output, .. state.Memory.Skip(2)] : state.Memory.Skip(2);
                Tensor sum = stage == 0 ? output.Times(RungeKutta[0]) : LinearCombination.Of((1, state.Memory[1]), (RungeKutta[stage], output));
                Tensor moved = Transfer(now, estimate.Type, start, stage == RungeKutta.Length - 1 ? sum : output);
                return (moved, [start, sum, .. outputs]);
            case PndmEvaluationKind.Repeated:
                return (Transfer(now, estimate.Type, state.Memory[0], LinearCombination.Of((0.5, output), (0.5, state.Memory[2]))), state.Memory);
            default:
                Tensor[] last = [output, .. state.Memory.Skip(2).Take(Multistep.Length - 1)];
                Tensor combined = LinearCombination.Of([.. Multistep[last.Length - 1].Zip(last)]);
                return (Transfer(now, estimate.Type, state.X, combined), [state.X, output, .. last]);
        }
    }

    private static Tensor Transfer(PndmEvaluation step, PredictionType type, Tensor x, Tensor output)
    {
        Estimate estimate = Estimate.Of(type, output, x, step.From);
        return LinearCombination.Of((step.To.Alpha, estimate.Sample), (step.To.Sigma, estimate.Noise));
    }
}

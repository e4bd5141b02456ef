using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>The one sampling loop: ask the denoiser where the solver wants to know, and let the solver step. Immutable: one instance serves any number of streams.</summary>
/// <param name="denoiser">The finished denoiser, guidance and all; used, not owned.</param>
/// <param name="solver">How the reverse path is integrated.</param>
/// <param name="constraint">What an estimated clean sample must satisfy; null where nothing.</param>
public sealed class Sampler(IDenoiser denoiser, ISolver solver, SampleConstraint? constraint = null)
{
    /// <summary>x at the solver's first level, from noise and, for a sample that starts from a picture, that picture.</summary>
    /// <param name="noise">Where noise comes from.</param>
    /// <param name="like">The clean sample to start from, or a tensor of its shape for <paramref name="fromNoise"/>, [B, C, H, W].</param>
    /// <param name="fromNoise">Whether nothing but noise is wanted.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Begin(NoiseSource noise, Tensor like, bool fromNoise = true)
    {
        using var scope = NewDisposeScope();
        NoiseLevel first = solver.First;
        return LinearCombination.Of((fromNoise ? 0 : first.Alpha, like), (first.Sigma, noise(like))).MoveToOuterDisposeScope();
    }

    /// <summary>Samples.</summary>
    /// <param name="x">x at the solver's first level, [B, C, H, W]; see <see cref="Begin"/>. Not owned.</param>
    /// <param name="conditioning">One row for each row of <paramref name="x"/>.</param>
    /// <param name="noise">Where the noise comes from that the solver adds; see <see cref="SeededNoise"/>.</param>
    /// <param name="progress">Told after every evaluation of the network, on the sampling thread.</param>
    /// <param name="evaluations">After how many evaluations to stop, for a sample that another network finishes; null for all.</param>
    /// <param name="cancellationToken">Ends the sampling between two evaluations.</param>
    /// <returns>The clean sample, or x where it was stopped, [B, C, H, W]; the caller's to dispose.</returns>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public Tensor Sample(
        Tensor x, Conditioning conditioning, NoiseSource noise, IProgress<SamplingProgress>? progress = null, int? evaluations = null,
        CancellationToken cancellationToken = default)
    {
        using IDisposable gradients = no_grad();
        if (solver.Evaluations is not null || x.shape[0] == 1)
        {
            return Run(x, conditioning, noise, progress, evaluations, cancellationToken);
        }

        // A solver that lays out its steps by the data would make a row depend on its batch.
        using var scope = NewDisposeScope();
        IEnumerable<Tensor> rows = Enumerable.Range(0, (int)x.shape[0])
            .Select(row => Run(x.narrow(0, row, 1), conditioning.Row(row), noise, progress, evaluations, cancellationToken));
        return cat([.. rows], 0).MoveToOuterDisposeScope();
    }

    /// <summary>Asks the denoiser about a state.</summary>
    /// <param name="state">The state.</param>
    /// <param name="level">Where it stands: <see cref="ISolver.Next"/>.</param>
    /// <param name="conditioning">One row for each row of the state.</param>
    /// <returns>Its tensors are the caller's to dispose.</returns>
    public Estimate Ask(SolverState state, NoiseLevel level, Conditioning conditioning) => Ask(state, level, conditioning, momentum: null).Estimate;

    private (Estimate Estimate, Tensor? Momentum) Ask(SolverState state, NoiseLevel level, Conditioning conditioning, Tensor? momentum)
    {
        Tensor input = level.InputScale == 1 ? state.X : state.X.Times(level.InputScale);
        Tensor t = TensorArithmetic.Filled(level.Timestep, state.X.device, state.X.shape[0]);
        (Tensor prediction, Tensor? next) = denoiser is IMomentumDenoiser guided ? guided.Predict(input, t, conditioning, momentum) : (denoiser.Predict(input, t, conditioning), null);
        return (Estimate.Of(denoiser.Prediction, prediction, state.X, level, constraint), next);
    }

    private Tensor Run(Tensor x, Conditioning conditioning, NoiseSource noise, IProgress<SamplingProgress>? progress, int? evaluations, CancellationToken cancellationToken)
    {
        SolverState state = solver.Start(x);
        Tensor? momentum = null;
        try
        {
            while (state.Position != evaluations && solver.Next(state) is { } level)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                (Estimate estimate, Tensor? kept) = Ask(state, level, conditioning, momentum);
                SolverState next = solver.Step(state, estimate, noise);
                state.Dispose();
                momentum?.Dispose();
                (state, momentum) = (next.MoveToOuterDisposeScope(), kept?.MoveToOuterDisposeScope());
                progress?.Report(new SamplingProgress(state.Position, solver.Evaluations, level, estimate.Sample));
            }

            return state.X.alias();
        }
        finally
        {
            state.Dispose();
            momentum?.Dispose();
        }
    }
}

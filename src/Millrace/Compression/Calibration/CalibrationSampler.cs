using Millrace.Solvers;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Compression.Calibration;

/// <summary>
/// Takes calibration rows from a model's own way from noise to data: each row is what the network was asked at one evaluation of
/// one sampling, with the very time and condition that it was asked with (PTQ4DM, arXiv 2211.15736, section 3.3). Needs no data.
/// </summary>
/// <remarks>
/// The published code pairs a state with the mirrored time index. Here the pair is recorded at the network's door, so that it cannot
/// be anything but what the network sees, for any solver, prediction, input scale and guidance.
/// </remarks>
/// <param name="denoiser">The network, unguided; used, not owned.</param>
/// <param name="solver">How the model is sampled; must know the number of its evaluations.</param>
/// <param name="guidance">Puts guidance around the network: then the rows of both halves are taken. Null for none.</param>
public sealed class CalibrationSampler(IDenoiser denoiser, ISolver solver, Func<IDenoiser, IDenoiser>? guidance = null)
{
    private readonly int _steps = solver.Evaluations ?? throw new ArgumentException("The solver finds its number of evaluations on the way; calibration needs one that knows it.", nameof(solver));

    /// <summary>Samples one sampling for each row of the conditioning, and keeps of each the evaluation that the law drew.</summary>
    /// <param name="conditioning">One row for each sampling, at least <see cref="CalibrationSet.Least"/>; used, not owned.</param>
    /// <param name="shape">Of one x, [C, H, W].</param>
    /// <param name="law">Where on the way: 0 is the last evaluation, next to the data, 1 the first, of pure noise.</param>
    /// <param name="seed">Of times and noise; a row does not depend on the others.</param>
    /// <param name="batch">Samplings at a time.</param>
    /// <param name="progress">Told the samplings done.</param>
    /// <param name="cancellation">Ends it between two evaluations.</param>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where there are too few rows, the solver does not know its evaluations, or the model gave NaN.</exception>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public CalibrationSet Sample(
        Conditioning conditioning, IReadOnlyList<long> shape, TimeLaw law, long seed, int batch = 64, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        CalibrationSet.CheckCount(conditioning.Rows, nameof(conditioning));
        int[] evaluations = Draw(law, (int)conditioning.Rows, seed);
        using IDisposable gradients = no_grad();
        using var scope = NewDisposeScope();
        using var recorder = new PathRecorder(denoiser);
        var sampler = new Sampler(guidance?.Invoke(recorder) ?? recorder, solver);
        for (int start = 0; start < evaluations.Length; start += batch)
        {
            int count = Math.Min(batch, evaluations.Length - start);
            recorder.Begin(evaluations.AsSpan(start, count));
            using var part = NewDisposeScope();
            using var noise = new SeededNoise([.. Enumerable.Range(start, count).Select(row => seed + row)]);
            Tensor x = sampler.Begin(noise.Draw, zeros([count, .. shape]));
            sampler.Sample(x, conditioning.Select(rows => rows.narrow(0, start, count)), noise.Draw, evaluations: recorder.Last + 1, cancellationToken: cancellation);
            progress?.Report(start + count);
        }

        (Tensor kept, Tensor times, Conditioning conditions) = recorder.Rows();
        var set = new CalibrationSet(kept, times, conditions);
        _ = kept.MoveToOuterDisposeScope();
        _ = times.MoveToOuterDisposeScope();
        _ = conditions.MoveToOuterDisposeScope();
        return set;
    }

    /// <summary>Which evaluation of its sampling each row is taken at, 0 the first.</summary>
    internal int[] Draw(TimeLaw law, int rows, long seed)
    {
        using var random = new SeededRandom(seed, CPU);
        using Tensor times = law.Draw(rows, random);
        return [.. times.data<float>().Select(time => _steps - 1 - Math.Min((int)(time * _steps), _steps - 1))];
    }
}

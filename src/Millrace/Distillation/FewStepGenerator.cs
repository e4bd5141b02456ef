using Millrace.Distillation.Adversarial;
using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>
/// A denoiser as a generator of few calls: noise at the first level goes in, the clean sample that it implies comes out; a further call
/// puts fresh noise on that sample and looks again.
/// </summary>
/// <remarks>Multistep consistency sampling, Song et al. 2023, arXiv 2303.01469, algorithm 1.</remarks>
public sealed class FewStepGenerator
{
    private readonly IDenoiser _denoiser;

    /// <summary>Prepares the generator.</summary>
    /// <param name="denoiser">The network, under autograd where that is on.</param>
    /// <param name="levels">The levels of the calls, the noisiest first; at least one.</param>
    /// <exception cref="ArgumentException">Where there is no level.</exception>
    public FewStepGenerator(IDenoiser denoiser, params IReadOnlyList<NoiseLevel> levels)
    {
        if (levels.Count == 0)
        {
            throw new ArgumentException("A generator needs at least one level, got none.", nameof(levels));
        }

        (_denoiser, Levels) = (denoiser, levels);
    }

    /// <summary>The levels of the calls.</summary>
    public IReadOnlyList<NoiseLevel> Levels { get; }

    /// <summary>
    /// Tells the network of less noise than there is, which it answers with a sharper estimate: t becomes floor(t shift / T). The levels
    /// themselves stay.
    /// </summary>
    /// <remarks>Chen et al. 2024, arXiv 2412.02030, in the scheduler of its published code.</remarks>
    /// <param name="level">A level of a process of 1000 timesteps.</param>
    /// <param name="shift">In (0, 1000]; 1000 changes nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the shift is out of range.</exception>
    public static NoiseLevel Shifted(NoiseLevel level, double shift) => shift is > 0 and <= 1000
        ? level with { Timestep = shift == 1000 ? level.Timestep : Math.Floor(level.Timestep * shift / 1000) }
        : throw new ArgumentOutOfRangeException(nameof(shift), $"The shift must be in (0, 1000], got {shift}.");

    /// <summary>Generates with one call.</summary>
    /// <param name="noise">Standard normal, [B, C, H, W].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Generate(Tensor noise, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        return Ask(noise.Times(Levels[0].Sigma), Levels[0], conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>A further call.</summary>
    /// <param name="sample">What the call before it gave, [B, C, H, W].</param>
    /// <param name="call">Its number, 1 for the second.</param>
    /// <param name="noise">Fresh, standard normal.</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Refine(Tensor sample, int call, Tensor noise, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        NoiseLevel level = Levels[call];
        return Ask(sample.Times(level.Alpha).Plus(noise.Times(level.Sigma)), level, conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Batches for training: one call, or, where further calls are trained too, up to as many as there are levels, all but the last
    /// without gradients.
    /// </summary>
    /// <param name="real">Real samples with fresh noise and their conditions.</param>
    /// <param name="refineAfter">Steps before further calls are trained; null trains one call alone.</param>
    public GeneratedBatches Batches(Coupling real, long? refineAfter) => (step, random) =>
    {
        using var scope = NewDisposeScope();
        CoupledBatch batch = real(step, random);
        Tensor generated = Run(batch, step >= refineAfter ? DrawCalls(random) : 1, random);
        return new GeneratedBatch(generated.MoveToOuterDisposeScope(), batch.Sample.MoveToOuterDisposeScope(), batch.Conditioning.MoveToOuterDisposeScope());
    };

    private int DrawCalls(SeededRandom random)
    {
        using Tensor drawn = random.Integers(Levels.Count, 1);
        return 1 + (int)drawn.item<long>();
    }

    private Tensor Run(CoupledBatch batch, int calls, SeededRandom random)
    {
        Tensor Call(Tensor sample, int call) => call == 0 ? Generate(batch.Noise, batch.Conditioning) : Refine(sample, call, random.Normal(sample.shape), batch.Conditioning);
        Tensor sample = batch.Noise;
        using (no_grad())
        {
            for (int call = 0; call < calls - 1; call++)
            {
                sample = Call(sample, call);
            }
        }

        return Call(sample, calls - 1);
    }

    private Tensor Ask(Tensor x, NoiseLevel level, Conditioning conditioning)
    {
        Tensor output = _denoiser.Predict(x.Times(level.InputScale), TensorArithmetic.Filled(level.Timestep, x.device, x.shape[0]), conditioning);
        PredictionFactors factors = PredictionConversion.Factors(_denoiser.Prediction, level);
        return x.Times(factors.SampleOfX).Plus(output.Times(factors.SampleOfOutput));
    }
}

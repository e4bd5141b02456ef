using System.Collections.ObjectModel;
using Millrace.Processes;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>
/// Trains a denoiser on x_t = a x_0 + b e: how far its prediction is from what x_0 and e make of it. The coupling of x_0 and e,
/// the law of t and the measure of distance make the method.
/// </summary>
/// <remarks>
/// Independent coupling and squared error: Ho et al. 2020, arXiv 2006.11239, equation 14, and for flows Liu et al. 2022, arXiv
/// 2209.03003, equation 1. Pairs of a trained model: reflow (there, section 2.3), rectified diffusion (Wang et al. 2024, arXiv
/// 2410.07303). Pairs and a <see cref="GridTimeLaw"/> of one step: distillation into one step.
/// </remarks>
/// <param name="network">What is trained; float32 parameters.</param>
/// <param name="denoiser">The network as a denoiser, under autograd.</param>
/// <param name="process">The forward process.</param>
/// <param name="coupling">Where samples and noise come from.</param>
public sealed class RegressionObjective(Module network, IDenoiser denoiser, IDiffusionProcess process, Coupling coupling) : IObjective
{
    private const int HeldOutDraws = 8;

    /// <summary>Law of t.</summary>
    public TimeLaw TimeLaw { get; init; } = new UniformTimeLaw();

    /// <summary>Distance of a prediction from its target.</summary>
    public Premetric Premetric { get; init; } = Premetrics.SquaredError;

    /// <summary>Whether distances are measured between x_0 and the x_0 that the prediction implies, rather than between predictions.</summary>
    public bool InSampleSpace { get; init; }

    /// <summary>Draws samples that take no part in the training: their loss is measured at every preview, on the same draws each time. Null for none.</summary>
    public Coupling? HeldOut { get; init; }

    /// <summary>Called by <see cref="Preview"/>: (folder, step); null for nothing.</summary>
    public Action<string, long>? OnPreview { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("denoiser", network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw) => Loss(draw, coupling);

    /// <inheritdoc/>
    public void Preview(string folder, long step) => OnPreview?.Invoke(folder, step);

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Measure(long step)
    {
        if (HeldOut is null)
        {
            return ReadOnlyDictionary<string, double>.Empty;
        }

        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        double loss = Enumerable.Range(0, HeldOutDraws).Average(seed => (double)Loss(new TrainingDraw(step, seed), HeldOut).item<float>());
        return new Dictionary<string, double> { ["held-out loss"] = loss };
    }

    private Tensor Loss(TrainingDraw draw, Coupling from)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, network.parameters().First().device);
        CoupledBatch batch = from(draw.Step, random);
        draw.Samples = batch.Names;
        using Tensor shares = TimeLaw.Draw(batch.Sample.shape[0], random);
        var levels = LevelRows.At(process, shares);
        Tensor x = levels.Input(batch.Sample, batch.Noise);
        Tensor prediction = denoiser.Predict(x, levels.Time, batch.Conditioning);

        Tensor a = levels.SampleScale, b = levels.NoiseScale, sample = batch.Sample / levels.DataScale;
        Tensor rows = InSampleSpace
            ? Premetric(PredictionConversion.ToSample(denoiser.Prediction, prediction, x, a, b), sample)
            : Premetric(prediction, PredictionConversion.Target(denoiser.Prediction, sample, batch.Noise, a, b));
        return rows.mean().MoveToOuterDisposeScope();
    }
}

using Millrace.Processes;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Direct discriminative optimization: a trained model and its frozen copy are a discriminator, by the ratio of their likelihoods; data
/// are told from the copy's own samples. Sampling stays what it was.
/// </summary>
/// <remarks>
/// Zheng et al. 2025, arXiv 2503.01103, equation 12: with D = |F - F*|^2 of the model less that of the reference, summed over a
/// row's elements, on the same x_t: E softplus(beta D) over data + alpha E softplus(-beta D) over the reference's samples.
/// </remarks>
public sealed class DiscriminativeObjective : IObjective
{
    private readonly Module _network;
    private readonly IDenoiser _denoiser;
    private readonly IDenoiser _reference;
    private readonly IDiffusionProcess _process;
    private readonly Coupling _data;
    private readonly Coupling _generated;
    private readonly TimeLaw _timeLaw;
    private readonly DiscriminativeOptions _options;

    /// <summary>Prepares a round.</summary>
    /// <param name="network">What is trained; begins as the reference.</param>
    /// <param name="denoiser">The network as a denoiser, under autograd.</param>
    /// <param name="reference">The frozen copy.</param>
    /// <param name="process">Their process.</param>
    /// <param name="data">Data and fresh noise.</param>
    /// <param name="generated">The reference's own samples and fresh noise.</param>
    /// <param name="timeLaw">The law of t of the training before.</param>
    /// <param name="options">Weights.</param>
    /// <exception cref="ArgumentException">Where a weight is out of range or the two networks predict different things.</exception>
    public DiscriminativeObjective(
        Module network, IDenoiser denoiser, IDenoiser reference, IDiffusionProcess process, Coupling data, Coupling generated, TimeLaw timeLaw, DiscriminativeOptions options)
    {
        options.Validate();
        if (denoiser.Prediction != reference.Prediction)
        {
            throw new ArgumentException($"Model and reference must predict the same, got {denoiser.Prediction} and {reference.Prediction}.", nameof(reference));
        }

        (_network, _denoiser, _reference, _process) = (network, denoiser, reference, process);
        (_data, _generated, _timeLaw, _options) = (data, generated, timeLaw, options);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("denoiser", _network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _network.parameters().First().device);
        Tensor real = Excess(_data(draw.Step, random), random), own = Excess(_generated(draw.Step, random), random);
        draw.Record("excess on data", real.mean());
        draw.Record("excess on samples", own.mean());
        return Discriminate(real, own, _options).MoveToOuterDisposeScope();
    }

    /// <summary>The loss of any model with a likelihood: -E ln s(beta r) over data - alpha E ln s(-beta r) over the reference's samples, r the logarithm of the likelihood over the reference's.</summary>
    /// <param name="data">-r of data, [B].</param>
    /// <param name="samples">-r of samples, [B].</param>
    /// <param name="options">beta and alpha.</param>
    /// <returns>A scalar, in the dispose scope of the caller.</returns>
    internal static Tensor Discriminate(Tensor data, Tensor samples, DiscriminativeOptions options)
    {
        Tensor positive = functional.logsigmoid(data.Times(-options.Sharpness)).mean(), negative = functional.logsigmoid(samples.Times(options.Sharpness)).mean();
        return positive.Plus(negative.Times(options.NegativeWeight)).neg();
    }

    /// <summary>How much worse the model is than the reference on each row, [B].</summary>
    private Tensor Excess(CoupledBatch batch, SeededRandom random)
    {
        var levels = LevelRows.At(_process, _timeLaw.Draw(batch.Sample.shape[0], random));
        Tensor x = levels.Input(batch.Sample, batch.Noise);
        Tensor target = PredictionConversion.Target(_denoiser.Prediction, batch.Sample / levels.DataScale, batch.Noise, levels.SampleScale, levels.NoiseScale);
        Tensor before;
        using (no_grad())
        {
            before = Squares(_reference.Predict(x, levels.Time, batch.Conditioning), target);
        }

        return Squares(_denoiser.Predict(x, levels.Time, batch.Conditioning), target).Minus(before);
    }

    private static Tensor Squares(Tensor found, Tensor wanted) => found.Minus(wanted).Squared().flatten(1).sum([1]);
}

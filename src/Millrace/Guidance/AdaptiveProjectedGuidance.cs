using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Guidance;

/// <summary>
/// Adaptive projected guidance: of the difference that guidance adds to the clean sample, the part along the sample, which only
/// saturates it, is weakened, and the whole is kept within a radius.
/// </summary>
/// <remarks>
/// Sadat et al. 2024, arXiv 2410.02416, algorithm 1: d = D(positive) - D(negative) + beta d', where d' is d of the call before and
/// travels with the sampling, never in this; d min(1, r / |d|) split along D(positive) into d_par and d_orth, and
/// D = D(positive) + (g - 1) (d_orth + eta d_par). The network's own prediction moves by the same share as the clean sample.
/// </remarks>
public sealed class AdaptiveProjectedGuidance : NegativeGuidance, IMomentumDenoiser
{
    private readonly IDiffusionProcess _process;
    private readonly double _scale;
    private readonly AdaptiveProjectedGuidanceOptions _options;

    /// <summary>Guides a denoiser.</summary>
    /// <param name="denoiser">What is guided; used, not owned.</param>
    /// <param name="process">The process that it was trained on.</param>
    /// <param name="negative">Conditioning of the negative, one row, used for every row; used, not owned.</param>
    /// <param name="scale">g; 1 is no guidance.</param>
    /// <param name="options">The projection; null for that of the paper.</param>
    /// <exception cref="ArgumentException">Where a value is outside its range, or the negative has several rows.</exception>
    public AdaptiveProjectedGuidance(
        IDenoiser denoiser, IDiffusionProcess process, Conditioning negative, double scale, AdaptiveProjectedGuidanceOptions? options = null)
        : base(denoiser, negative, options?.Interval, [])
    {
        if (!double.IsFinite(scale))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), $"The scale must be a finite number, got {scale}.");
        }

        (_process, _scale, _options) = (process, scale, (options ?? new AdaptiveProjectedGuidanceOptions()).Validated());
    }

    /// <inheritdoc/>
    public (Tensor Prediction, Tensor? Momentum) Predict(Tensor x, Tensor t, Conditioning conditioning, Tensor? momentum) => Guide(x, t, conditioning, momentum);

    private protected override (Tensor Guided, Tensor? Momentum) Combine(GuidedPrediction prediction, Tensor? momentum)
    {
        PredictionFactors[] factors = [.. prediction.Times.Select(time => PredictionConversion.Factors(Prediction, _process.LevelAt(time)))];
        Tensor OfRows(Func<PredictionFactors, double> factor) =>
            tensor(factors.Select(row => (float)factor(row)).ToArray(), [factors.Length, 1, 1, 1], device: prediction.X.device);
        Tensor ofOutput = OfRows(row => row.SampleOfOutput);
        Tensor sample = (OfRows(row => row.SampleOfX) * prediction.X).Plus(ofOutput * prediction.Positive);
        Tensor difference = prediction.Positive.Minus(prediction.Negative);

        if (_options.Momentum != 0 && momentum is not null)
        {
            difference = difference.Plus((momentum / ofOutput).Times(_options.Momentum));
        }

        // Between clean samples, which mean the same at every noise level.
        Tensor? next = _options.Momentum == 0 ? null : difference * ofOutput;
        if (_options.Radius is { } radius)
        {
            Tensor length = Inner(difference, difference).sqrt() * ofOutput.abs();
            difference = difference * length.AtLeast(radius).reciprocal().Times(radius);
        }

        Tensor along = sample * (Inner(difference, sample) / Inner(sample, sample).Plus(double.Epsilon));
        return (prediction.Positive.Plus(difference.Plus(along.Times(_options.ParallelShare - 1)).Times(_scale - 1)), next);
    }

    private static Tensor Inner(Tensor left, Tensor right) => (left * right).flatten(1).sum(1).view(-1, 1, 1, 1);
}

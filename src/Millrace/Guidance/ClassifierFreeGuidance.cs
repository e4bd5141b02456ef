using static TorchSharp.torch;

namespace Millrace.Guidance;

/// <summary>
/// Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598, equation 6): negative + g (positive - negative), with a scale of
/// its own for each further condition.
/// </summary>
public sealed class ClassifierFreeGuidance : NegativeGuidance
{
    private readonly double _scale;
    private readonly GuidanceOptions _options;

    /// <summary>Guides a denoiser.</summary>
    /// <param name="denoiser">What is guided; used, not owned.</param>
    /// <param name="negative">Conditioning of the negative, one row, used for every row; used, not owned.</param>
    /// <param name="scale">g; 1 is no guidance.</param>
    /// <param name="options">What else it does; null for nothing.</param>
    /// <exception cref="ArgumentException">Where a value is outside its range, or the negative has several rows.</exception>
    public ClassifierFreeGuidance(IDenoiser denoiser, Conditioning negative, double scale, GuidanceOptions? options = null)
        : base(denoiser, negative, options?.Interval, [.. (options?.Further ?? []).Select(term => term.Condition)])
    {
        if (!double.IsFinite(scale))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), $"The scale must be a finite number, got {scale}.");
        }

        (_scale, _options) = (scale, (options ?? new GuidanceOptions()).Validated());
    }

    private protected override (Tensor Guided, Tensor? Momentum) Combine(GuidedPrediction prediction, Tensor? momentum)
    {
        Tensor guided = prediction.Negative.Plus(prediction.Positive.Minus(prediction.Negative).Times(_scale));
        foreach ((Tensor further, GuidanceTerm term) in prediction.Further.Zip(_options.Further))
        {
            guided = guided.Plus(further.Minus(prediction.Negative).Times(term.Scale));
        }

        if (_options.Perturbed is { } perturbed)
        {
            guided = perturbed.Guide(prediction.Positive, guided, prediction.X, prediction.T, prediction.Conditioning);
        }

        return (_options.Rescale == 0 ? guided : guided.Times(1 - _options.Rescale).Plus((guided * (Spread(prediction.Positive) / Spread(guided))).Times(_options.Rescale)), null);
    }

    private static Tensor Spread(Tensor rows) => rows.flatten(1).std(1, unbiased: true, keepdim: true).view(-1, 1, 1, 1);
}

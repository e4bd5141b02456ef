using static TorchSharp.torch;

namespace Millrace.Guidance;

/// <summary>
/// Perturbed-attention guidance (Ahn et al. 2024, arXiv 2403.17377, equation 15): D + s (D - D'), where D' is the same network with each token of some
/// layers attending to itself alone, which keeps appearance and loses structure. It needs no negative prompt.
/// </summary>
/// <remarks>Beside classifier-free guidance it is given to <see cref="GuidanceOptions.Perturbed"/>, which adds s (D - D') of the prompt to what is guided.</remarks>
public sealed class PerturbedAttentionGuidance : IDenoiser
{
    private readonly IDenoiser _denoiser;
    private readonly IDenoiser _perturbed;
    private readonly double _scale;
    private readonly GuidanceInterval _interval;

    /// <summary>Guides a denoiser.</summary>
    /// <param name="denoiser">What is guided; used, not owned.</param>
    /// <param name="perturbed">The same with perturbed attention; used, not owned.</param>
    /// <param name="scale">s, at least 0; 0 is no guidance, and no further network call.</param>
    /// <param name="interval">Timesteps at which guidance works; null for all.</param>
    /// <exception cref="ArgumentException">Where a value is outside its range, or the two predict different things.</exception>
    public PerturbedAttentionGuidance(IDenoiser denoiser, IDenoiser perturbed, double scale, GuidanceInterval? interval = null)
    {
        if (!double.IsFinite(scale) || scale < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(scale), $"The scale of perturbed attention must be a finite number of at least 0, got {scale}.");
        }

        if (denoiser.Prediction != perturbed.Prediction)
        {
            throw new ArgumentException($"The perturbed denoiser must predict {denoiser.Prediction}, as the other, got {perturbed.Prediction}.", nameof(perturbed));
        }

        (_denoiser, _perturbed, _scale, _interval) = (denoiser, perturbed, scale, (interval ?? GuidanceInterval.Always).Validated());
    }

    /// <inheritdoc/>
    public PredictionType Prediction => _denoiser.Prediction;

    /// <inheritdoc/>
    /// <remarks>Rows outside of the interval keep their prediction; where all are, nothing else is computed.</remarks>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        return Guide(_denoiser.Predict(x, t, conditioning), null, x, t, conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>Adds s (D - D').</summary>
    /// <param name="positive">D under the prompt, [B, C, H, W].</param>
    /// <param name="guided">What it is added to; null for <paramref name="positive"/>.</param>
    /// <param name="x">What the network saw.</param>
    /// <param name="t">Timestep of each row.</param>
    /// <param name="conditioning">The prompt, one row for each of <paramref name="x"/>.</param>
    internal Tensor Guide(Tensor positive, Tensor? guided, Tensor x, Tensor t, Conditioning conditioning)
    {
        guided ??= positive;
        bool[] inside = [.. t.to(float64).cpu().data<double>().ToArray().Select(_interval.Contains)];
        if (_scale == 0 || !inside.Contains(true))
        {
            return guided;
        }

        Tensor moved = guided.Plus(positive.Minus(_perturbed.Predict(x, t, conditioning)).Times(_scale));
        return inside.Contains(false) ? where(tensor(inside, [inside.Length, 1, 1, 1], device: x.device), moved, guided) : moved;
    }
}

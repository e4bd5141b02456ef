using static TorchSharp.torch;

namespace Millrace.Guidance;

/// <summary>A denoiser guided away from a negative prompt: it and the prompts are predicted in one call, and combined by what derives from this.</summary>
public abstract class NegativeGuidance : IDenoiser
{
    private readonly IDenoiser _denoiser;
    private readonly Conditioning _negative;
    private readonly GuidanceInterval _interval;
    private readonly IReadOnlyList<Conditioning> _further;

    private protected NegativeGuidance(IDenoiser denoiser, Conditioning negative, GuidanceInterval? interval, IReadOnlyList<Conditioning> further)
    {
        foreach (Conditioning row in further.Prepend(negative))
        {
            if (row.Rows != 1)
            {
                throw new ArgumentException($"A conditioning of the guidance must have one row, used for every row, got {row.Rows}.", nameof(negative));
            }
        }

        (_denoiser, _negative, _interval, _further) = (denoiser, negative, (interval ?? GuidanceInterval.Always).Validated(), further);
    }

    /// <inheritdoc/>
    public PredictionType Prediction => _denoiser.Prediction;

    /// <inheritdoc/>
    /// <remarks>Rows outside of the interval keep the prediction under their own prompt; where all are, nothing else is computed.</remarks>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        (Tensor prediction, Tensor? momentum) = Guide(x, t, conditioning, momentum: null);
        momentum?.Dispose();
        return prediction;
    }

    /// <summary>The same with what went on from the call before; see <see cref="IMomentumDenoiser"/>.</summary>
    private protected (Tensor Prediction, Tensor? Momentum) Guide(Tensor x, Tensor t, Conditioning conditioning, Tensor? momentum)
    {
        using var scope = NewDisposeScope();
        double[] times = [.. t.to(float64).cpu().data<double>()];
        if (!times.Any(_interval.Contains))
        {
            return (_denoiser.Predict(x, t, conditioning).MoveToOuterDisposeScope(), momentum?.alias().MoveToOuterDisposeScope());
        }

        long rows = x.shape[0];
        Conditioning all = Conditioning.Concatenate(Expanded(_negative, rows), conditioning);
        foreach (Conditioning further in _further)
        {
            all = Conditioning.Concatenate(all, Expanded(further, rows));
        }

        int groups = 2 + _further.Count;
        Tensor[] predictions = _denoiser.Predict(cat([.. Enumerable.Repeat(x, groups)], 0), t.repeat(groups), all).chunk(groups, 0);
        (Tensor guided, Tensor? next) = Combine(new GuidedPrediction(x, t, conditioning, times, predictions[0], predictions[1], predictions[2..]), momentum);
        if (!times.All(_interval.Contains))
        {
            Tensor inside = Inside(times, x.device);
            guided = where(inside, guided, predictions[1]);
            next = next is null ? null : where(inside, next, momentum ?? zeros_like(next));
        }

        return (guided.MoveToOuterDisposeScope(), next?.MoveToOuterDisposeScope());
    }

    /// <summary>The guided prediction and what goes on to the next call, within a dispose scope.</summary>
    private protected abstract (Tensor Guided, Tensor? Momentum) Combine(GuidedPrediction prediction, Tensor? momentum);

    private Tensor Inside(double[] times, Device device) =>
        tensor(times.Select(_interval.Contains).ToArray(), [times.Length, 1, 1, 1], device: device);

    private static Conditioning Expanded(Conditioning row, long rows) =>
        row.Select(part => part.expand([rows, .. part.shape[1..]]));
}

using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Compression.Quantization;

/// <summary>
/// One layer while its network is calibrated: weights on their levels, the range of the input smoothed over the batches. What passes
/// is rounded already, so that the layers behind it see what they will see.
/// </summary>
internal sealed class LayerCalibration : IDisposable
{
    // Share of the newest batch in the range (PTQ4DM's code).
    private const double Freshness = 0.1;

    // Numbers of a batch by which a range is searched; its ends are those of all.
    private const long Sampled = 1 << 13;

    private readonly IQuantizableLayer _layer;
    private readonly QuantizationOptions _options;
    private readonly RangeSearch _search;
    private Tensor? _original;
    private Tensor? _weights;
    private Tensor? _scales;
    private (double Low, double High)? _range;
    private bool _skipped;

    public LayerCalibration(string path, IQuantizableLayer layer, QuantizationOptions options) =>
        (Path, _layer, _options, _search) = (path, layer, options, new RangeSearch(options.ErrorPower, options.Candidates));

    /// <summary>Name of the layer in its network.</summary>
    public string Path { get; }

    /// <summary>What a batch of inputs becomes.</summary>
    /// <exception cref="ArgumentException">Where it holds NaN or infinity.</exception>
    public Tensor Observe(Tensor input)
    {
        if (_skipped || (_original is null && !Begin(input)))
        {
            return input;
        }

        using DisposeScope scope = NewDisposeScope();
        UniformQuantizer found = _search.Find(Sample(input), _options.ActivationBits);
        _range = _range is { } range
            ? (range.Low + (Freshness * (found.Low - range.Low)), range.High + (Freshness * (found.High - range.High)))
            : (found.Low, found.High);
        return Quantizer.Apply(input).MoveToOuterDisposeScope();
    }

    /// <summary>The layer in integers; null where it stays as it is, or was never asked.</summary>
    public QuantizedLayer? Finish()
    {
        if (_range is null)
        {
            return null;
        }

        Tensor weights = _weights!, scales = _scales!;
        (_weights, _scales) = (null, null);
        return new QuantizedLayer(Path, weights, scales, Quantizer);
    }

    /// <summary>Gives the layer its own weights back.</summary>
    public void Dispose()
    {
        if (_original is not null)
        {
            using IDisposable gradients = no_grad();
            using DisposeScope scope = NewDisposeScope();
            _layer.Weight.copy_(_original);
            _original.Dispose();
        }

        _weights?.Dispose();
        _scales?.Dispose();
    }

    private UniformQuantizer Quantizer => UniformQuantizer.Over(_range!.Value.Low, _range.Value.High, _options.ActivationBits);

    private bool Begin(Tensor input)
    {
        long[] shape = _layer.Weight.shape;
        _skipped = Math.Min(shape[0], shape[1]) < _options.LeastChannels || _layer.OperationsPerRow(input) < _options.LeastOperations;
        if (_skipped)
        {
            return false;
        }

        using DisposeScope scope = NewDisposeScope();
        int top = (1 << (_options.WeightBits - 1)) - 1;
        Tensor own = _layer.Weight.detach(), rows = own.flatten(1);
        if (!rows.isfinite().all().item<bool>())
        {
            throw new ArgumentException($"The weights of '{Path}' hold NaN or infinity.", nameof(input));
        }

        Tensor scales = _search.FindScales(rows, top), levels = (rows / scales.unsqueeze(1)).round().Clamped(-top, top);
        _original = own.clone().DetachFromDisposeScope();
        _layer.Weight.copy_((levels * scales.unsqueeze(1)).view(shape));
        Tensor whole = levels.to(int8).view(shape);
        _weights = (shape.Length == 4 ? whole.permute(0, 2, 3, 1) : whole).contiguous().DetachFromDisposeScope();
        _scales = scales.DetachFromDisposeScope();
        return true;
    }

    /// <summary>Some of the numbers, evenly spread, and the least and the greatest of all.</summary>
    private Tensor Sample(Tensor input)
    {
        (Tensor least, Tensor greatest) = input.aminmax();
        if (!float.IsFinite(least.item<float>()) || !float.IsFinite(greatest.item<float>()))
        {
            throw new ArgumentException($"The input of '{Path}' holds NaN or infinity during calibration.", nameof(input));
        }

        Tensor flat = input.flatten();
        long step = (flat.numel() + Sampled - 1) / Sampled;
        step += 1 - (step % 2); // odd, so that it passes over the channels in turn
        return cat([flat[TensorIndex.Slice(0, null, step)], least.view(1), greatest.view(1)], 0);
    }
}

using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Timesteps [B] to vectors [B, 4 channels]: fixed sinusoids, then two learned layers.</summary>
/// <remarks>Sinusoid i has the frequency 10000^(-i / (channels / 2 - shift)) (Vaswani et al. 2017, arXiv 1706.03762, section 3.5).</remarks>
internal sealed class TimestepEmbedding : Module<Tensor, Tensor>
{
    private const double MaxPeriod = 10000;

    [ComponentName(Name = "linear_1")]
    private readonly Linear _in;

    [ComponentName(Name = "act")]
    private readonly Module<Tensor, Tensor> _activation;

    [ComponentName(Name = "linear_2")]
    private readonly Linear _out;

    private readonly int _channels;
    private readonly bool _cosineFirst;
    private readonly double _frequencyShift;

    /// <param name="channels">Number of sinusoids; even.</param>
    /// <param name="width">Width of the result.</param>
    /// <param name="cosineFirst">Whether the cosines stand before the sines.</param>
    /// <param name="frequencyShift">Below half of <paramref name="channels"/>.</param>
    /// <param name="activation">Nonlinearity between the layers.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public TimestepEmbedding(int channels, int width, bool cosineFirst, double frequencyShift, Activation activation, TensorOptions tensors)
        : base(nameof(TimestepEmbedding))
    {
        _channels = channels;
        _cosineFirst = cosineFirst;
        _frequencyShift = frequencyShift;
        _in = new Linear(channels, width, options: tensors);
        _activation = activation.CreateLayer();
        _out = new Linear(width, width, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor t)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sinusoids = Sinusoids(t).to(_in.Weight.dtype);
        return _out.call(_activation.call(_in.call(sinusoids))).MoveToOuterDisposeScope();
    }

    // In float32 whatever the precision of the parameters: in bfloat16 neighbouring timesteps would coincide.
    private Tensor Sinusoids(Tensor t)
    {
        int half = _channels / 2;
        Tensor frequencies = tensor(
            [.. Enumerable.Range(0, half).Select(index => (float)Math.Exp(-index * Math.Log(MaxPeriod) / (half - _frequencyShift)))], device: t.device);
        Tensor angles = t.to(float32).unsqueeze(-1) * frequencies; // [B, channels / 2]
        return _cosineFirst ? cat([cos(angles), sin(angles)], dim: -1) : cat([sin(angles), cos(angles)], dim: -1);
    }
}

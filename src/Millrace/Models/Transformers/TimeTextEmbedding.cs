using Millrace.Models.Layers;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Transformers;

/// <summary>Time, pooled text and, in some networks, the guidance scale, to the sum of their vectors, [B, width].</summary>
internal sealed class TimeTextEmbedding : Module
{
    private static readonly SinusoidalEmbedding Sinusoids = new(256);

    [ComponentName(Name = "timestep_embedder")]
    private readonly TimestepEmbedding _time;

    [ComponentName(Name = "guidance_embedder")]
    private readonly TimestepEmbedding? _guidance;

    [ComponentName(Name = "text_embedder")]
    private readonly TimestepEmbedding _text;

    public TimeTextEmbedding(int width, int pooledWidth, bool guidance, TensorOptions tensors)
        : base(nameof(TimeTextEmbedding))
    {
        TimestepEmbedding Layers(int inWidth) => new(inWidth, width, Activation.Silu, tensors);
        (_time, _text) = (Layers(Sinusoids.Channels), Layers(pooledWidth));
        _guidance = guidance ? Layers(Sinusoids.Channels) : null;
        RegisterComponents();
    }

    /// <param name="t">[B], 0 to 1000.</param>
    /// <param name="conditioning">Must hold pooled text, and the guidance scale where the network takes it.</param>
    /// <param name="guidanceFactor">What the guidance scale is multiplied by.</param>
    /// <returns>In the dispose scope of the caller.</returns>
    public Tensor Forward(Tensor t, Conditioning conditioning, double guidanceFactor)
    {
        Tensor pooled = conditioning.PooledText ?? throw new ArgumentException("This network takes pooled text: the conditioning must hold PooledText.", nameof(conditioning));
        Tensor sum = _time.call(Sinusoids.Of(t)).Plus(_text.call(pooled));
        if (_guidance is null)
        {
            return sum;
        }

        Tensor scale = conditioning.Guidance ?? throw new ArgumentException("This network takes the guidance scale: the conditioning must hold Guidance.", nameof(conditioning));
        return sum.Plus(_guidance.call(Sinusoids.Of(scale.to(float32).Times(guidanceFactor))));
    }
}

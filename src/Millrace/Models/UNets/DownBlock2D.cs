using Millrace.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>One resolution on the way down. Every intermediate result is also a skip for the way up.</summary>
internal sealed class DownBlock2D : UNetBlock
{
    [ComponentName(Name = "downsamplers")]
    private readonly ModuleList<Downsample2D>? _downsamplers;

    /// <param name="inWidth">Width of the input.</param>
    /// <param name="stage">Index of the resolution, 0 is the finest; the last one does not downsample.</param>
    /// <param name="options">The whole network.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public DownBlock2D(int inWidth, int stage, UNet2DConditionOptions options, TensorOptions tensors)
        : base(
            [inWidth, .. Enumerable.Repeat(options.BlockOutChannels[stage], options.LayersPerBlock - 1)],
            stage,
            attentions: options.DownBlockTypes[stage] == UNetBlockType.CrossAttention ? options.LayersPerBlock : 0,
            options,
            tensors)
    {
        bool coarsest = stage == options.BlockOutChannels.Count - 1;
        _downsamplers = coarsest ? null : ModuleList(new Downsample2D(options.BlockOutChannels[stage], padAfterOnly: false, tensors));
        RegisterComponents();
    }

    /// <param name="x">[B, in width, H, W].</param>
    /// <param name="embedding">Timestep embedding, [B, width].</param>
    /// <param name="text">[B, M, text width].</param>
    /// <returns>The skips, finest first; the last one is also the input of the next block.</returns>
    public IReadOnlyList<Tensor> Forward(Tensor x, Tensor embedding, Tensor text)
    {
        var skips = new List<Tensor>();
        for (int layer = 0; layer < Layers; layer++)
        {
            x = Layer(layer, x, embedding, text);
            skips.Add(x);
        }

        if (_downsamplers is not null)
        {
            skips.Add(_downsamplers[0].call(x));
        }

        return skips;
    }
}

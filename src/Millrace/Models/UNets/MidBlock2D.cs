using Millrace.Models.Layers;
using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>The coarsest resolution between the way down and the way up: residual block, attention, residual block.</summary>
internal sealed class MidBlock2D : UNetBlock
{
    public MidBlock2D(UNet2DConditionOptions options, TensorOptions tensors)
        : base(
            [options.BlockOutChannels[^1], options.BlockOutChannels[^1]],
            stage: options.BlockOutChannels.Count - 1,
            attentions: 1,
            options,
            tensors)
    {
        RegisterComponents();
    }

    /// <param name="x">[B, width, H, W].</param>
    /// <param name="embedding">Timestep embedding, [B, width].</param>
    /// <param name="text">[B, M, text width].</param>
    public Tensor Forward(Tensor x, Tensor embedding, Tensor text)
    {
        using Tensor hidden = Layer(0, x, embedding, text);
        return Layer(1, hidden, embedding, text);
    }
}

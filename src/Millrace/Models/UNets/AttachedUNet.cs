using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>A U-Net with attachments around it, each working on its features in every request. All are used, not owned.</summary>
/// <param name="unet">The U-Net.</param>
/// <param name="attachments">In the order in which they are asked.</param>
public sealed class AttachedUNet(UNet2DConditionModel unet, params IReadOnlyList<IUNetAttachment> attachments) : IConditionalNetwork
{
    /// <inheritdoc/>
    public ScalarType Precision => unet.Precision;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using DisposeScope scope = NewDisposeScope();
        UNetHooks hooks = attachments.Aggregate(UNetHooks.None, (before, attachment) => attachment.Attach(before, x, t, conditioning));
        return unet.Predict(x, t, conditioning, hooks).MoveToOuterDisposeScope();
    }
}

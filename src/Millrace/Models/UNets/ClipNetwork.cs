using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>A U-Net of clips as a network of rows: each row is a frame, and as many as a clip has, one after another, are a clip.</summary>
/// <param name="unet">Used, not owned.</param>
/// <param name="frames">Frames of a clip.</param>
public sealed class ClipNetwork(UNetMotionModel unet, int frames) : IConditionalNetwork
{
    /// <inheritdoc/>
    public ScalarType Precision => unet.Precision;

    /// <inheritdoc/>
    /// <remarks>A clip has the time and the conditioning of its first frame.</remarks>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        if (x.shape[0] % frames != 0)
        {
            throw new ArgumentException($"The rows of x must be whole clips of {frames} frames, got {x.shape[0]}.", nameof(x));
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor First(Tensor rows) => rows.unflatten(0, -1, frames).select(1, 0);
        Tensor clips = x.unflatten(0, -1, frames).transpose(1, 2).contiguous();
        Tensor prediction = unet.Predict(clips, First(t), conditioning.Select(First));
        return prediction.transpose(1, 2).flatten(0, 1).contiguous().MoveToOuterDisposeScope();
    }
}

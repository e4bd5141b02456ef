using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>Something that works on a U-Net's features in every request: a control network, an adapter. Holds no mutable state.</summary>
public interface IUNetAttachment
{
    /// <summary>Adds what it does to the hooks of a request.</summary>
    /// <param name="hooks">What others do already.</param>
    /// <param name="x">What the U-Net sees, [B, C, H, W].</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="conditioning">One row for each row of <paramref name="x"/>.</param>
    /// <returns>New hooks, whose tensors are in the dispose scope of the caller.</returns>
    UNetHooks Attach(UNetHooks hooks, Tensor x, Tensor t, Conditioning conditioning);
}

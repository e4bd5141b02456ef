using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>A U-Net whose features a caller reads and changes in a request.</summary>
public interface IHookedUNet : IConditionalNetwork
{
    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="t">Time of each row, [B].</param>
    /// <param name="conditioning">One row for each row of <paramref name="x"/>.</param>
    /// <param name="hooks">What to do to the features of this request.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    Tensor Predict(Tensor x, Tensor t, Conditioning conditioning, UNetHooks hooks);
}

using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>A network trained to fill in a masked picture, which sees the mask and the masked picture's latents behind x_t (latent diffusion, arXiv 2112.10752, section 4.5).</summary>
/// <param name="network">Takes 2 C + 1 channels; used, not owned.</param>
/// <param name="mask">1 where the picture is to be filled in, [1, 1, H, W]; used, not owned.</param>
/// <param name="masked">Latents of the picture with the mask's part made grey, [1, C, H, W]; used, not owned.</param>
public sealed class InpaintingNetwork(IConditionalNetwork network, Tensor mask, Tensor masked) : IConditionalNetwork
{
    /// <inheritdoc/>
    public ScalarType Precision => network.Precision;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Rows(Tensor one) => one.to(x.dtype).expand([x.shape[0], .. one.shape[1..]]);
        return network.Predict(cat([x, Rows(mask), Rows(masked)], dim: 1), t, conditioning).MoveToOuterDisposeScope();
    }
}

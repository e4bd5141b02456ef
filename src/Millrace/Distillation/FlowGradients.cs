using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>A loss and its gradients.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Noise">Its gradient at the noise, [B, C, H, W].</param>
/// <param name="Parameters">Its gradients at the tensors that were asked for.</param>
public sealed record FlowGradients(double Loss, Tensor Noise, IReadOnlyList<Tensor> Parameters) : IDisposable
{
    /// <summary>Releases the gradients.</summary>
    public void Dispose()
    {
        Noise.Dispose();
        foreach (Tensor gradient in Parameters)
        {
            gradient.Dispose();
        }
    }
}

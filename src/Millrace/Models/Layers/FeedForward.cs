using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>The token-wise network of a transformer block: a gated layer four times as wide, and back. [B, N, width] to the same shape.</summary>
internal sealed class FeedForward : Module<Tensor, Tensor>
{
    [ComponentName(Name = "net")]
    private readonly Sequential _layers;

    public FeedForward(int width, TensorOptions tensors)
        : base(nameof(FeedForward))
    {
        // Checkpoints number a dropout between the two, which has no parameters and no effect at inference.
        _layers = Sequential(
            ("0", new GatedGelu(width, 4 * width, tensors)),
            ("2", new Linear(4 * width, width, options: tensors)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens) => _layers.call(tokens);
}

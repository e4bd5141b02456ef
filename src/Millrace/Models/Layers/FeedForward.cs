using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>The token-wise network of a transformer block: a layer four times as wide, and back. [B, N, width] to the same shape.</summary>
internal sealed class FeedForward : Module<Tensor, Tensor>, IBranchedLayer
{
    [ComponentName(Name = "net")]
    private readonly Sequential _layers;

    private readonly bool _gated;
    private int _hidden;

    /// <param name="width">Width of the tokens.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="activation">Nonlinearity between the layers; null for a gated one.</param>
    public FeedForward(int width, TensorOptions tensors, Activation? activation = null)
        : base(nameof(FeedForward))
    {
        (_gated, _hidden) = (activation is null, 4 * width);

        // Checkpoints number a dropout between the two, which has no parameters and no effect at inference.
        _layers = Sequential(
            ("0", activation is { } plain ? new ActivatedLinear(width, 4 * width, plain, tensors) : new GatedGelu(width, 4 * width, tensors)),
            ("2", new Linear(4 * width, width, options: tensors)));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public LayerBranch Branch
    {
        get
        {
            LayerBranch.Part value = new("net.0.proj", 0, 1), gate = new("net.0.proj", _hidden, 1); // value and gate of a channel are rows of one matrix
            return new LayerBranch(BranchKind.FeedForwardChannel, _hidden, _gated ? [value, gate] : [value], [new("net.2", 0, 1)]);
        }
    }

    /// <inheritdoc/>
    public void Keep(int units, TensorOptions tensors)
    {
        Branch.Resize(this, units, tensors);
        _hidden = units;
    }

    public override Tensor forward(Tensor tokens) => _layers.call(tokens);
}

/// <summary>A nonlinearity of a projection.</summary>
internal sealed class ActivatedLinear : Module<Tensor, Tensor>
{
    [ComponentName(Name = "proj")]
    private readonly Linear _projection;

    private readonly Module<Tensor, Tensor> _activation;

    public ActivatedLinear(int inWidth, int outWidth, Activation activation, TensorOptions tensors)
        : base(nameof(ActivatedLinear))
    {
        _projection = new Linear(inWidth, outWidth, options: tensors);
        _activation = activation.CreateLayer();
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using Tensor projected = _projection.call(tokens);
        return _activation.call(projected);
    }
}

using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>A conditioning [B, width] to shifts, scales and gates of a block's tokens (adaptive layer normalization, arXiv 2212.09748).</summary>
internal sealed class Modulation : Module
{
    [ComponentName(Name = "linear")]
    private readonly Linear _projection;

    private readonly int _parts;

    /// <param name="conditionWidth">Width of the conditioning.</param>
    /// <param name="width">Width of each part.</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public Modulation(int conditionWidth, int width, int parts, TensorOptions tensors)
        : base(nameof(Modulation))
    {
        _projection = new Linear(conditionWidth, parts * width, options: tensors);
        _parts = parts;
        RegisterComponents();
    }

    /// <summary>The parts, [B, 1, width] each, in the dispose scope of the caller.</summary>
    public Tensor[] Of(Tensor conditioning) => _projection.call(functional.silu(conditioning)).unsqueeze(1).chunk(_parts, dim: -1);

    /// <summary>Tokens with mean 0 and variance 1, without weights, in the dispose scope of the caller.</summary>
    public static Tensor Normalize(Tensor tokens, double epsilon = 1e-6) => functional.layer_norm(tokens, [tokens.shape[^1]], eps: epsilon);

    /// <summary>x (1 + scale) + shift, in the dispose scope of the caller.</summary>
    public static Tensor Apply(Tensor x, Tensor shift, Tensor scale) => (x * scale.Plus(1)).Plus(shift);
}

/// <summary>The last normalization of a transformer, scaled and shifted by the conditioning. [B, N, width] to the same shape.</summary>
internal sealed class ModulatedNorm : Module<Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "linear")]
    private readonly Linear _projection;

    public ModulatedNorm(int width, TensorOptions tensors)
        : base(nameof(ModulatedNorm))
    {
        _projection = new Linear(width, 2 * width, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, Tensor conditioning)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = _projection.call(functional.silu(conditioning)).unsqueeze(1).chunk(2, dim: -1);
        return Modulation.Apply(Modulation.Normalize(tokens), shift: parts[1], scale: parts[0]).MoveToOuterDisposeScope();
    }
}

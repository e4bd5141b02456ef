using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>One layer over text and picture as one: attention and feed-forward side by side. [B, N, width] to the same shape.</summary>
internal sealed class FluxSingleBlock : Module, ICheckpointedBlock
{
    private const int Widening = 4;

    [ComponentName(Name = "norm")]
    private readonly Modulation _modulation;

    [ComponentName(Name = "proj_mlp")]
    private readonly Linear _wide;

    [ComponentName(Name = "attn")]
    private readonly JointAttention _attention;

    [ComponentName(Name = "proj_out")]
    private readonly Linear _output;

    private readonly TanhGelu _activation = new();

    public FluxSingleBlock(int width, int heads, TensorOptions tensors)
        : base(nameof(FluxSingleBlock))
    {
        _modulation = new Modulation(width, width, parts: 3, tensors);
        _wide = new Linear(width, Widening * width, options: tensors);
        _attention = new JointAttention(width, heads, normalizes: true, text: false, textOutput: false, tensors);
        _output = new Linear((1 + Widening) * width, width, options: tensors);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    public Tensor Forward(Tensor tokens, Tensor conditioning, RotaryPositions positions) => GradientCheckpointing.Run(
        this, inputs => Compute(inputs[0]!, inputs[1]!, new RotaryPositions(inputs[2]!, inputs[3]!)), tokens, conditioning, positions.Cosines, positions.Sines);

    private Tensor Compute(Tensor tokens, Tensor conditioning, RotaryPositions positions)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = _modulation.Of(conditioning);
        Tensor normalized = Modulation.Apply(Modulation.Normalize(tokens), parts[0], parts[1]);
        Tensor both = cat([_attention.Forward(normalized, positions), _activation.call(_wide.call(normalized))], dim: -1);
        return tokens.Plus(parts[2] * _output.call(both)).MoveToOuterDisposeScope();
    }
}

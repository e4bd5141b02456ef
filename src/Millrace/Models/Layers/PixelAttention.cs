using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>x + attention of the pixels of x to each other, [B, C, H, W] to the same shape.</summary>
internal sealed class PixelAttention : Module<Tensor, Tensor>, IResidualLayer, IBranchedLayer, IRegionalLayer, ICheckpointedBlock
{
    [ComponentName(Name = "group_norm")]
    private readonly GroupNormalization? _norm;

    [ComponentName(Name = "to_q")]
    private readonly Linear _query;

    [ComponentName(Name = "to_k")]
    private readonly Linear _key;

    [ComponentName(Name = "to_v")]
    private readonly Linear _value;

    [ComponentName(Name = "to_out")]
    private readonly Sequential _output;

    private readonly int _headWidth;
    private readonly double _outScale;
    private int _heads;
    private bool _removed;

    /// <param name="channels">C.</param>
    /// <param name="innerWidth">Width of all heads together.</param>
    /// <param name="norm">Of the normalization before attention; null for none.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="heads">Number of heads; divides <paramref name="innerWidth"/>.</param>
    /// <param name="outScale">What the sum is divided by.</param>
    public PixelAttention(int channels, int innerWidth, GroupNormOptions? norm, TensorOptions tensors, int heads = 1, double outScale = 1)
        : base(nameof(PixelAttention))
    {
        (_headWidth, _heads, _outScale) = (innerWidth / heads, heads, outScale);
        Linear Projection() => new(channels, innerWidth, options: tensors);
        _norm = norm?.Create(channels, tensors);
        _query = Projection();
        _key = Projection();
        _value = Projection();
        _output = Sequential(new Linear(innerWidth, channels, options: tensors));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool KeepsShape => true;

    /// <inheritdoc/>
    public IReadOnlyList<string> Ends => ["to_out.0"];

    /// <inheritdoc/>
    public LayerBranch? Branch => _removed ? null : LayerBranch.OfHeads(_heads, _headWidth);

    /// <inheritdoc/>
    public void Keep(int units, TensorOptions tensors)
    {
        Branch!.Resize(this, units, tensors);
        _heads = units;
    }

    /// <inheritdoc/>
    public void Remove()
    {
        this.Discard(_ => true);
        _removed = true;
    }

    /// <inheritdoc/>
    public GlobalRegionalAttention? Regional { get; private set; }

    /// <inheritdoc/>
    public void UseRegions(RegionalAttentionOptions options, TensorOptions tensors) =>
        register_module(GlobalRegionalAttention.Part, Regional = new GlobalRegionalAttention(options, _heads, tensors));

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    public override Tensor forward(Tensor x) => GradientCheckpointing.Run(this, inputs => Compute(inputs[0]!), x);

    private Tensor Compute(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = _removed ? x.alias() : x.Plus(Attend(x));
        return (_outScale == 1 ? sum : sum.Times(1 / _outScale)).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor x)
    {
        Tensor Heads(Tensor projected) => projected.unflatten(2, _heads, _headWidth).transpose(1, 2); // [B, heads, H W, C / heads]
        Tensor tokens = (_norm?.call(x) ?? x).flatten(2).transpose(1, 2); // [B, H W, C]
        Tensor attended = _heads == 0 ? tokens.narrow(2, 0, 0)
            : Attended(Heads(_query.call(tokens)), Heads(_key.call(tokens)), Heads(_value.call(tokens))).transpose(1, 2).flatten(2);
        return _output.call(attended).transpose(1, 2).reshape(x.shape);

        Tensor Attended(Tensor query, Tensor key, Tensor value) => Regional is null
            ? functional.scaled_dot_product_attention(query, key, value)
            : Regional.Forward(query, key, value, x.shape[2], x.shape[3]);
    }
}

using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>x + conv(act(norm(conv(act(norm(x))) + time))), [B, in, H, W] to [B, out, H, W].</summary>
internal sealed class ResnetBlock2D : Module<Tensor, Tensor?, Tensor>, IResidualLayer, IExpertHost, ICheckpointedBlock
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormalization _inNorm;

    [ComponentName(Name = "conv1")]
    private Module<Tensor, Tensor> _inConvolution;

    [ComponentName(Name = "time_emb_proj")]
    private readonly Linear? _timeProjection;

    [ComponentName(Name = "norm2")]
    private readonly GroupNormalization _outNorm;

    [ComponentName(Name = "conv2")]
    private Module<Tensor, Tensor> _outConvolution;

    [ComponentName(Name = "conv_shortcut")]
    private readonly Convolution2d? _shortcut;

    [ComponentName(Name = "nonlinearity")]
    private readonly Module<Tensor, Tensor> _activation;

    private readonly bool _scaleShift;
    private readonly double _outScale;
    private readonly Resampling _resampling;
    private bool _removed;

    /// <param name="inChannels">Width of the input.</param>
    /// <param name="outChannels">Width of the output; where it differs, a 1 x 1 convolution fits the input to the sum.</param>
    /// <param name="timeWidth">Width of the timestep embedding; null for a block that takes none.</param>
    /// <param name="norm">Of both group normalizations.</param>
    /// <param name="activation">Nonlinearity.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="scaleShift">Whether the timestep scales and shifts the second normalization, and is not added before it (adaptive group normalization, arXiv 2105.05233).</param>
    /// <param name="outScale">What the sum is divided by.</param>
    /// <param name="resampling">Whether the block halves or doubles the sides.</param>
    public ResnetBlock2D(
        int inChannels, int outChannels, int? timeWidth, GroupNormOptions norm, Activation activation, TensorOptions tensors,
        bool scaleShift = false, double outScale = 1, Resampling resampling = Resampling.None)
        : base(nameof(ResnetBlock2D))
    {
        (_scaleShift, _outScale, _resampling) = (scaleShift, outScale, resampling);
        _inNorm = norm.Create(inChannels, tensors);
        _inConvolution = new Convolution2d(inChannels, outChannels, kernelSize: 3, padding: 1, options: tensors);
        _timeProjection = timeWidth is { } width ? new Linear(width, scaleShift ? 2 * outChannels : outChannels, options: tensors) : null;
        _outNorm = norm.Create(outChannels, tensors);
        _outConvolution = new Convolution2d(outChannels, outChannels, kernelSize: 3, padding: 1, options: tensors);
        _shortcut = inChannels == outChannels ? null : new Convolution2d(inChannels, outChannels, kernelSize: 1, options: tensors);
        _activation = activation.CreateLayer();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool KeepsShape => _shortcut is null && _resampling == Resampling.None;

    /// <inheritdoc/>
    public IReadOnlyList<string> Ends => ["conv2"];

    /// <inheritdoc/>
    public void Remove()
    {
        this.Discard(name => name != "conv_shortcut");
        _removed = true;
    }

    /// <inheritdoc/>
    public void UseExperts(string convolution, int experts, TensorOptions tensors)
    {
        if (named_children().FirstOrDefault(child => child.name == convolution && convolution != "conv_shortcut").module is not Convolution2d plain)
        {
            throw new ArgumentException($"A residual block has no convolution '{convolution}' for experts.", nameof(convolution));
        }

        var mixed = new MultiExpertConvolution2d(plain, experts, tensors);
        this.Discard(name => name == convolution);
        register_module(convolution, mixed);
        if (convolution == "conv1")
        {
            _inConvolution = mixed;
        }
        else
        {
            _outConvolution = mixed;
        }
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    /// <param name="x">[B, in, H, W].</param>
    /// <param name="embedding">Timestep embedding, [B, width]; null for a block that takes none.</param>
    public override Tensor forward(Tensor x, Tensor? embedding) => GradientCheckpointing.Run(this, inputs => Compute(inputs[0]!, inputs[1]), x, embedding);

    private Tensor Compute(Tensor x, Tensor? embedding)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = Resampled(x), kept = _shortcut?.call(input) ?? input.alias();
        Tensor sum = _removed ? kept : Added(x, embedding, kept);
        return (_outScale == 1 ? sum : sum.Times(1 / _outScale)).MoveToOuterDisposeScope();
    }

    private Tensor Added(Tensor x, Tensor? embedding, Tensor kept)
    {
        Tensor hidden = _resampling == Resampling.None
            ? _inNorm.Convolved(x, _activation, _inConvolution)
            : _inConvolution.call(Resampled(_inNorm.Activated(x, _activation)));
        Tensor? time = _timeProjection?.call(_activation.call(embedding!)).unsqueeze(-1).unsqueeze(-1);
        return time is not null && _scaleShift
            ? kept.Plus(_outConvolution.call(_activation.call(ScaledAndShifted(_outNorm.call(hidden), time))))
            : _outNorm.Convolved(time is null ? hidden : hidden.Plus(time), _activation, _outConvolution, kept);
    }

    private static Tensor ScaledAndShifted(Tensor normalized, Tensor time)
    {
        Tensor[] halves = time.chunk(2, dim: 1);
        return (normalized * halves[0].Plus(1)).Plus(halves[1]);
    }

    private Tensor Resampled(Tensor x) => _resampling switch
    {
        Resampling.Halve => functional.avg_pool2d(x, 2, 2),
        Resampling.Double => functional.interpolate(x, scale_factor: [2, 2], mode: InterpolationMode.Nearest),
        _ => x,
    };
}

using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>One resolution of an <see cref="AutoencoderKL"/>: residual blocks, then at most one change of the sides.</summary>
internal sealed class AutoencoderStage : Module<Tensor, Tensor>
{
    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock2D> _resnets;

    [ComponentName(Name = "downsamplers")]
    private readonly ModuleList<Downsample2D>? _downsamplers;

    [ComponentName(Name = "upsamplers")]
    private readonly ModuleList<Upsample2D>? _upsamplers;

    private AutoencoderStage(int inWidth, int width, int layers, bool downsample, bool upsample, AutoencoderKLOptions options, TensorOptions tensors)
        : base(nameof(AutoencoderStage))
    {
        _resnets = ModuleList([.. Enumerable.Range(0, layers).Select(layer =>
            new ResnetBlock2D(layer == 0 ? inWidth : width, width, timeWidth: null, options.Norm, options.Activation, tensors))]);
        _downsamplers = downsample ? ModuleList(new Downsample2D(width, padAfterOnly: true, tensors)) : null;
        _upsamplers = upsample ? ModuleList(new Upsample2D(width, tensors)) : null;
        RegisterComponents();
    }

    /// <summary>A resolution of the encoder; <paramref name="stage"/> 0 is the finest.</summary>
    public static AutoencoderStage Down(int stage, AutoencoderKLOptions options, TensorOptions tensors)
    {
        IReadOnlyList<int> widths = options.BlockOutChannels;
        bool coarsest = stage == widths.Count - 1;
        return new(
            widths[Math.Max(stage - 1, 0)], widths[stage], options.LayersPerBlock, downsample: !coarsest, upsample: false, options, tensors);
    }

    /// <summary>A resolution of the decoder; <paramref name="stage"/> 0 is the finest.</summary>
    public static AutoencoderStage Up(int stage, AutoencoderKLOptions options, TensorOptions tensors)
    {
        IReadOnlyList<int> widths = options.BlockOutChannels;
        return new(
            widths[Math.Min(stage + 1, widths.Count - 1)], widths[stage], options.LayersPerBlock + 1, downsample: false, upsample: stage > 0, options, tensors);
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (ResnetBlock2D resnet in _resnets)
        {
            x = resnet.call(x, null);
        }

        x = _downsamplers?[0].call(x) ?? _upsamplers?[0].call(x, [2 * x.shape[2], 2 * x.shape[3]]) ?? x;
        return x.MoveToOuterDisposeScope();
    }
}

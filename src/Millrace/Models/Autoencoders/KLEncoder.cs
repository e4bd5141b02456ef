using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>[B, 3, H, W] in [-1, 1] to [B, 2 C, H / factor, W / factor], from which mean and log-variance are projected.</summary>
internal sealed class KLEncoder : Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Convolution2d _inConvolution;

    [ComponentName(Name = "down_blocks")]
    private readonly ModuleList<AutoencoderStage> _stages;

    [ComponentName(Name = "mid_block")]
    private readonly AutoencoderMidBlock _midBlock;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormalization _outNorm;

    [ComponentName(Name = "conv_act")]
    private readonly Module<Tensor, Tensor> _outActivation;

    [ComponentName(Name = "conv_out")]
    private readonly Convolution2d _outConvolution;

    public KLEncoder(AutoencoderKLOptions options, TensorOptions tensors)
        : base(nameof(KLEncoder))
    {
        IReadOnlyList<int> widths = options.BlockOutChannels;
        _inConvolution = new Convolution2d(options.InChannels, widths[0], kernelSize: 3, padding: 1, options: tensors);
        _stages = ModuleList([.. Enumerable.Range(0, widths.Count).Select(stage => AutoencoderStage.Down(stage, options, tensors))]);
        _midBlock = new AutoencoderMidBlock(options, tensors);
        _outNorm = options.Norm.Create(widths[^1], tensors);
        _outActivation = options.Activation.CreateLayer();
        _outConvolution = new Convolution2d(widths[^1], 2 * options.LatentChannels, kernelSize: 3, padding: 1, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = _inConvolution.call(image);
        foreach (AutoencoderStage stage in _stages)
        {
            x = stage.call(x);
        }

        x = _midBlock.call(x);
        return _outConvolution.call(_outNorm.Activated(x, _outActivation)).MoveToOuterDisposeScope();
    }
}

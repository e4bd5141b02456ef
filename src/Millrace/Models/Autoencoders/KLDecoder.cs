using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>Projected latents [B, C, h, w] to images [B, 3, h * factor, w * factor], about [-1, 1].</summary>
internal sealed class KLDecoder : Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Convolution2d _inConvolution;

    [ComponentName(Name = "mid_block")]
    private readonly AutoencoderMidBlock _midBlock;

    [ComponentName(Name = "up_blocks")]
    private readonly ModuleList<AutoencoderStage> _stages;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormalization _outNorm;

    [ComponentName(Name = "conv_act")]
    private readonly Module<Tensor, Tensor> _outActivation;

    [ComponentName(Name = "conv_out")]
    private readonly Convolution2d _outConvolution;

    public KLDecoder(AutoencoderKLOptions options, TensorOptions tensors)
        : base(nameof(KLDecoder))
    {
        IReadOnlyList<int> widths = options.BlockOutChannels;
        _inConvolution = new Convolution2d(options.LatentChannels, widths[^1], kernelSize: 3, padding: 1, options: tensors);
        _midBlock = new AutoencoderMidBlock(options, tensors);
        _stages = ModuleList([.. Enumerable.Range(0, widths.Count).Reverse().Select(stage => AutoencoderStage.Up(stage, options, tensors))]);
        _outNorm = options.Norm.Create(widths[0], tensors);
        _outActivation = options.Activation.CreateLayer();
        _outConvolution = new Convolution2d(widths[0], options.OutChannels, kernelSize: 3, padding: 1, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor latent)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = _midBlock.call(_inConvolution.call(latent));
        foreach (AutoencoderStage stage in _stages)
        {
            x = stage.call(x);
        }

        return _outConvolution.call(_outNorm.Activated(x, _outActivation)).MoveToOuterDisposeScope();
    }
}

using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>[B, 3, H, W] in [-1, 1] to raw latents [B, C, H / factor, W / factor].</summary>
internal sealed class TinyEncoder : Module<Tensor, Tensor>
{
    [ComponentName(Name = "layers")]
    private readonly Sequential _layers;

    public TinyEncoder(AutoencoderTinyOptions options, TensorOptions tensors)
        : base(nameof(TinyEncoder))
    {
        var layers = new List<Module<Tensor, Tensor>>();
        int width = options.InChannels;
        for (int stage = 0; stage < options.EncoderBlockOutChannels.Count; stage++)
        {
            int stageWidth = options.EncoderBlockOutChannels[stage];
            layers.Add(stage == 0
                ? new Convolution2d(width, stageWidth, kernelSize: 3, padding: 1, options: tensors)
                : new Convolution2d(width, stageWidth, kernelSize: 3, stride: 2, padding: 1, bias: false, options: tensors));
            for (int block = 0; block < options.NumEncoderBlocks[stage]; block++)
            {
                layers.Add(new AutoencoderTinyBlock(stageWidth, options.Activation, tensors));
            }

            width = stageWidth;
        }

        layers.Add(new Convolution2d(width, options.LatentChannels, kernelSize: 3, padding: 1, options: tensors));
        _layers = Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();

        // The published weights were trained on images in [0, 1].
        return _layers.call(image.Plus(1).Times(0.5)).MoveToOuterDisposeScope();
    }
}

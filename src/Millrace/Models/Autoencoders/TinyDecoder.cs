using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>Raw latents [B, C, h, w] to images [B, 3, h * factor, w * factor], about [-1, 1].</summary>
internal sealed class TinyDecoder : Module<Tensor, Tensor>
{
    [ComponentName(Name = "layers")]
    private readonly Sequential _layers;

    public TinyDecoder(AutoencoderTinyOptions options, TensorOptions tensors)
        : base(nameof(TinyDecoder))
    {
        IReadOnlyList<int> widths = options.DecoderBlockOutChannels;
        var layers = new List<Module<Tensor, Tensor>>
        {
            new Convolution2d(options.LatentChannels, widths[0], kernelSize: 3, padding: 1, options: tensors),
            options.Activation.CreateLayer(),
        };
        for (int stage = 0; stage < widths.Count; stage++)
        {
            for (int block = 0; block < options.NumDecoderBlocks[stage]; block++)
            {
                layers.Add(new AutoencoderTinyBlock(widths[stage], options.Activation, tensors));
            }

            if (stage < widths.Count - 1)
            {
                layers.Add(Upsample(scale_factor: [2, 2], mode: UpsampleMode.Nearest));
                layers.Add(new Convolution2d(widths[stage], widths[stage + 1], kernelSize: 3, padding: 1, bias: false, options: tensors));
            }
        }

        layers.Add(new Convolution2d(widths[^1], options.OutChannels, kernelSize: 3, padding: 1, options: tensors));
        _layers = Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor latent)
    {
        using DisposeScope scope = NewDisposeScope();

        // A soft clamp to [-3, 3], and the published weights were trained on images in [0, 1].
        Tensor clamped = tanh(latent.Times(1.0 / 3)).Times(3);
        return Run(clamped).Times(2).Plus(-1).MoveToOuterDisposeScope();
    }

    /// <summary>The layers in turn; an enlargement before a convolution in integers is part of its rounding.</summary>
    private Tensor Run(Tensor x)
    {
        for (int layer = 0; layer < _layers.Count; layer++)
        {
            using Tensor before = x;
            bool joined = _layers[layer] is Upsample && _layers[layer + 1] is Convolution2d { Integers: not null };
            x = joined ? ((Convolution2d)_layers[layer + 1]).Integers!.ConvolveDoubled(x) : ((Module<Tensor, Tensor>)_layers[layer]).call(x);
            layer += joined ? 1 : 0;
        }

        return x;
    }
}

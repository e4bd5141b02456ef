using Millrace.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation;

/// <summary>A judge made of convolutions: edges and shapes, wherever they are in the picture.</summary>
public sealed class ConvolutionalClassifier : PictureClassifier
{
    private const int Groups = 8;
    private static readonly int[] Widths = [24, 48, 80, 112];

    [ComponentName(Name = "features")]
    private readonly Sequential _features;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="classes">Number of classes, at least 2.</param>
    public ConvolutionalClassifier(int classes)
        : base(nameof(ConvolutionalClassifier), classes, Widths[^1])
    {
        var layers = new List<Module<Tensor, Tensor>>();
        void Add(int inWidth, int outWidth, int stride)
        {
            layers.Add(new Convolution2d(inWidth, outWidth, kernelSize: 3, stride: stride, padding: 1));
            layers.Add(GroupNorm(Groups, outWidth));
            layers.Add(SiLU());
        }

        Add(3, Widths[0], stride: 2);
        for (int stage = 1; stage < Widths.Length; stage++)
        {
            Add(Widths[stage - 1], Widths[stage], stride: 2);
            Add(Widths[stage], Widths[stage], stride: 1);
        }

        _features = Sequential(layers);
        RegisterComponents();
    }

    private protected override Tensor Pooled(Tensor image) => _features.call(image).mean([2, 3]);
}

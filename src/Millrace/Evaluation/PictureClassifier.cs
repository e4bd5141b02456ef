using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Evaluation;

/// <summary>A small convolutional classifier of small pictures: a judge of what a generated picture shows.</summary>
public sealed class PictureClassifier : Module<Tensor, Tensor>
{
    private const int Groups = 8;
    private static readonly int[] Widths = [24, 48, 80, 112];

    [ComponentName(Name = "features")]
    private readonly Sequential _features;

    [ComponentName(Name = "head")]
    private readonly Linear _head;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public PictureClassifier(int classes, TensorOptions? tensors = null)
        : base(nameof(PictureClassifier))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        tensors ??= TensorOptions.Default;
        var layers = new List<Module<Tensor, Tensor>>();
        void Add(int inWidth, int outWidth, int stride)
        {
            layers.Add(new Convolution2d(inWidth, outWidth, kernelSize: 3, stride: stride, padding: 1, options: tensors));
            layers.Add(GroupNorm(Groups, outWidth, device: tensors.Device, dtype: tensors.Precision));
            layers.Add(SiLU());
        }

        Add(3, Widths[0], stride: 2);
        for (int stage = 1; stage < Widths.Length; stage++)
        {
            Add(Widths[stage - 1], Widths[stage], stride: 2);
            Add(Widths[stage], Widths[stage], stride: 1);
        }

        _features = Sequential(layers);
        _head = new Linear(Widths[^1], classes, options: tensors);
        RegisterComponents();
    }

    /// <summary>Logits, [B, classes], under autograd.</summary>
    /// <param name="image">[B, 3, H, W] in [-1, 1], in the precision of the parameters.</param>
    public override Tensor forward(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        return _head.call(Pooled(image)).MoveToOuterDisposeScope();
    }

    /// <summary>What the last layer sees of each picture: a space in which pictures that look alike are near.</summary>
    /// <param name="images">[B, 3, H, W] in [-1, 1].</param>
    /// <returns>[B, 112], float32, on the CPU; the caller's to dispose.</returns>
    public Tensor Features(Tensor images) => InParts(images, Pooled);

    /// <summary>The likeliest class of each picture.</summary>
    /// <param name="images">[B, 3, H, W] in [-1, 1].</param>
    /// <returns>[B], int64, on the CPU; the caller's to dispose.</returns>
    public Tensor Classify(Tensor images) => InParts(images, part => forward(part).argmax(1));

    private static Tensor InParts(Tensor images, Func<Tensor, Tensor> of)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = [.. images.split(256).Select(of)];
        return cat(parts, 0).cpu().MoveToOuterDisposeScope();
    }

    private Tensor Pooled(Tensor image) => _features.call(image).mean([2, 3]);
}

using Millrace.Checkpoints;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Evaluation;

/// <summary>A small classifier of small pictures: a judge of what a generated picture shows, and of which pictures look alike.</summary>
public abstract class PictureClassifier : Module<Tensor, Tensor>
{
    private const int Part = 256; // pictures at once

    [ComponentName(Name = "head")]
    private readonly Linear _head;

    /// <summary>Makes the last layer.</summary>
    /// <param name="name">Name of the network.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    /// <param name="width">Numbers that the last layer sees of a picture.</param>
    private protected PictureClassifier(string name, int classes, int width)
        : base(name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        _head = new Linear(width, classes);
    }

    /// <summary>Makes a network without values.</summary>
    /// <param name="architecture">What it is made of.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    public static PictureClassifier Create(JudgeArchitecture architecture, int classes) =>
        architecture == JudgeArchitecture.Convolutions ? new ConvolutionalClassifier(classes) : new MixingClassifier(classes);

    /// <summary>Reads a network, of the architecture that the file's names tell.</summary>
    /// <exception cref="InvalidDataException">Where it does not fit.</exception>
    internal static PictureClassifier Load(TensorFile file, int classes)
    {
        PictureClassifier network = Create(file.Contains(MixingClassifier.FirstWeight) ? JudgeArchitecture.Mixing : JudgeArchitecture.Convolutions, classes);
        try
        {
            StateDictLoader.Load(network, [file]);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
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
    /// <returns>[B, width], float32, on the CPU; the caller's to dispose.</returns>
    public Tensor Features(Tensor images) => InParts(images, Pooled);

    /// <summary>The likeliest class of each picture.</summary>
    /// <param name="images">[B, 3, H, W] in [-1, 1].</param>
    /// <returns>[B], int64, on the CPU; the caller's to dispose.</returns>
    public Tensor Classify(Tensor images) => InParts(images, part => forward(part).argmax(1));

    /// <summary>What the last layer sees, [B, width], under autograd, in the dispose scope of the caller.</summary>
    private protected abstract Tensor Pooled(Tensor image);

    private static Tensor InParts(Tensor images, Func<Tensor, Tensor> of)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = [.. images.split(Part).Select(of)];
        return cat(parts, 0).cpu().MoveToOuterDisposeScope();
    }
}

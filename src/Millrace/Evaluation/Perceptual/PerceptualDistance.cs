using Millrace.Checkpoints;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Perceptual;

/// <summary>
/// LPIPS: how different two pictures look to people, by what a network for pictures sees in them. The network is the user's: a file of
/// AlexNet, VGG16 or SqueezeNet 1.1 as torchvision publishes them, and the heads that were fitted to people's answers for it.
/// </summary>
/// <remarks>
/// Zhang et al. 2018, arXiv 1801.03924, equation 1: at every place and layer features are scaled to length 1; the squares of their
/// differences are weighed by the layer's head, averaged over places and summed over layers. Version 0.1 of the published heads.
/// </remarks>
public sealed class PerceptualDistance : IDisposable
{
    /// <summary>Smallest side of a picture: the deepest features of it have a place.</summary>
    public const int SmallestSide = 32;

    private const double Epsilon = 1e-10;
    private const int Part = 32; // pictures at once

    // Of ImageNet, for channels in [-1, 1].
    private static readonly float[] Shift = [-0.030f, -0.088f, -0.188f], Scale = [0.458f, 0.448f, 0.450f];

    private readonly PerceptualBackbone _backbone;
    private readonly Tensor[] _heads;
    private readonly Tensor _shift, _scale;

    private PerceptualDistance(PerceptualBackbone backbone, Tensor[] heads)
    {
        (_backbone, _heads) = (backbone, heads);
        (_shift, _scale) = (tensor(Shift, [1, 3, 1, 1]).DetachFromDisposeScope(), tensor(Scale, [1, 3, 1, 1]).DetachFromDisposeScope());
        foreach (var parameter in backbone.parameters())
        {
            parameter.requires_grad_(false);
        }
    }

    /// <summary>Which network sees.</summary>
    public string Backbone => _backbone.Name;

    /// <summary>Reads network and heads.</summary>
    /// <param name="backbone">File of the network's weights, safetensors or what <c>torch.save</c> writes.</param>
    /// <param name="heads">File of the heads for this network, <c>linN.model.1.weight</c>, [1, C, 1, 1] each.</param>
    /// <exception cref="FileNotFoundException">Where a file is missing.</exception>
    /// <exception cref="InvalidDataException">Where a file is not what it should be, or the heads are those of another network.</exception>
    public static PerceptualDistance Load(string backbone, string heads)
    {
        PerceptualBackbone network = PerceptualBackbone.Load(backbone);
        try
        {
            using TensorFile file = TensorFile.Open(heads);
            return new PerceptualDistance(network, [.. network.Widths.Select((width, layer) => Head(file, layer, width, network.Name))]);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Measures under autograd: gradients reach the pictures, not the network.</summary>
    /// <param name="found">[B, 3, H, W] in [-1, 1], sides at least <see cref="SmallestSide"/>.</param>
    /// <param name="wanted">[B, 3, H, W].</param>
    /// <returns>[B], 0 for equal pictures; the caller's to dispose. It is a <see cref="Millrace.Training.Premetric"/>.</returns>
    /// <exception cref="ArgumentException">Where the shapes differ or are too small.</exception>
    public Tensor Of(Tensor found, Tensor wanted)
    {
        PictureDistance.Check(found, wanted, SmallestSide);
        if (found.shape[1] != _shift.shape[1])
        {
            throw new ArgumentException($"Pictures must have three channels, got {found.shape[1]}.", nameof(found));
        }

        using var scope = NewDisposeScope();
        IReadOnlyList<Tensor> first = Features(found), second = Features(wanted);
        return _heads.Select((head, layer) => (first[layer].Minus(second[layer]).Squared() * head).sum(1).mean([1, 2]))
            .Aggregate((sum, term) => sum.Plus(term)).MoveToOuterDisposeScope();
    }

    /// <summary>Measures.</summary>
    /// <param name="found">[B, 3, H, W] in [-1, 1], sides at least <see cref="SmallestSide"/>.</param>
    /// <param name="wanted">[B, 3, H, W].</param>
    /// <returns>One for each row.</returns>
    /// <exception cref="ArgumentException">Where the shapes differ or are too small.</exception>
    public double[] Measure(Tensor found, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return [.. found.split(Part).Zip(wanted.split(Part)).SelectMany(part => Of(part.First, part.Second).to(float64).data<double>().ToArray())];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _backbone.Dispose();
        _shift.Dispose();
        _scale.Dispose();
        foreach (Tensor head in _heads)
        {
            head.Dispose();
        }
    }

    private static Tensor Head(TensorFile file, int layer, int width, string network)
    {
        string name = $"lin{layer}.model.1.weight";
        return file.Contains(name) && file[name].Shape.SequenceEqual([1L, width, 1, 1])
            ? file.Read(name, float32).DetachFromDisposeScope()
            : throw new InvalidDataException($"'{file.Path}' does not hold the heads for {network}: '{name}' must be there, [1, {width}, 1, 1].");
    }

    private IReadOnlyList<Tensor> Features(Tensor pictures) =>
        [.. _backbone.Features(pictures.to(float32).Minus(_shift) / _scale).Select(features => features / features.Squared().sum([1], keepdim: true).sqrt().Plus(Epsilon))];
}

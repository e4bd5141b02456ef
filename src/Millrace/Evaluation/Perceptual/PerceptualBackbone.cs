using Millrace.Checkpoints;
using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation.Perceptual;

/// <summary>
/// The convolutions of AlexNet, VGG16 or SqueezeNet 1.1, with the layers whose features a perceptual distance reads. Parameter names and
/// shapes are those of torchvision's models of these names.
/// </summary>
internal sealed class PerceptualBackbone : Module
{
    private const string Convolutions = "features.";

    [ComponentName(Name = "features")]
    private readonly Sequential _features;

    private readonly int[] _taps;

    private PerceptualBackbone(string name, IReadOnlyList<int> widths, int[] taps, params Module<Tensor, Tensor>[] layers)
        : base(name)
    {
        (Name, Widths, _taps) = (name, widths, taps);
        _features = Sequential(layers);
        RegisterComponents();
    }

    /// <summary>Name of the network.</summary>
    public string Name { get; }

    /// <summary>Channels of each layer that is read.</summary>
    public IReadOnlyList<int> Widths { get; }

    /// <summary>AlexNet, read behind each of its five convolutions.</summary>
    public static PerceptualBackbone Alex() => new(
        "AlexNet", [64, 192, 384, 256, 256], [1, 4, 7, 9, 11],
        new Convolution2d(3, 64, 11, stride: 4, padding: 2), ReLU(), Pool(), new Convolution2d(64, 192, 5, padding: 2), ReLU(), Pool(),
        new Convolution2d(192, 384, 3, padding: 1), ReLU(), new Convolution2d(384, 256, 3, padding: 1), ReLU(), new Convolution2d(256, 256, 3, padding: 1), ReLU());

    /// <summary>VGG16, read behind the last convolution of each of its five sizes.</summary>
    public static PerceptualBackbone Vgg()
    {
        int[] widths = [64, 128, 256, 512, 512], counts = [2, 2, 3, 3, 3];
        List<Module<Tensor, Tensor>> layers = [];
        List<int> taps = [];
        int before = 3;
        foreach ((int width, int count) in widths.Zip(counts))
        {
            if (layers.Count > 0)
            {
                layers.Add(MaxPool2d(2, 2));
            }

            for (int layer = 0; layer < count; layer++)
            {
                layers.AddRange([new Convolution2d(before, width, 3, padding: 1), ReLU()]);
                before = width;
            }

            taps.Add(layers.Count - 1);
        }

        return new("VGG16", widths, [.. taps], [.. layers]);
    }

    /// <summary>SqueezeNet 1.1, read at seven depths.</summary>
    public static PerceptualBackbone Squeeze() => new(
        "SqueezeNet", [64, 128, 256, 384, 384, 512, 512], [1, 4, 7, 9, 10, 11, 12],
        new Convolution2d(3, 64, 3, stride: 2), ReLU(), Pool(ceiling: true), new FireModule(64, 16, 64), new FireModule(128, 16, 64), Pool(ceiling: true),
        new FireModule(128, 32, 128), new FireModule(256, 32, 128), Pool(ceiling: true), new FireModule(256, 48, 192), new FireModule(384, 48, 192),
        new FireModule(384, 64, 256), new FireModule(512, 64, 256));

    /// <summary>Reads one, whichever of the three the file holds; what classifies is passed over.</summary>
    /// <exception cref="InvalidDataException">Where it is none of them, or not whole.</exception>
    public static PerceptualBackbone Load(string path)
    {
        using TensorFile file = TensorFile.Open(path);
        PerceptualBackbone network = file.Contains("features.3.squeeze.weight") ? Squeeze()
            : file.Contains("features.28.weight") ? Vgg()
            : file.Contains("features.10.weight") ? Alex()
            : throw new InvalidDataException($"'{path}' holds the weights of none of AlexNet, VGG16 and SqueezeNet 1.1, as torchvision names them.");
        try
        {
            StateDictLoader.Load(network, [file], name => name.StartsWith(Convolutions, StringComparison.Ordinal) ? name : null);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The features of each layer that is read, under autograd, in the dispose scope of the caller.</summary>
    /// <param name="image">[B, 3, H, W], normalized as the network was trained.</param>
    public IReadOnlyList<Tensor> Features(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        var read = new List<Tensor>();
        Tensor x = image;
        foreach ((int layer, Module<Tensor, Tensor> part) in _features.children().Cast<Module<Tensor, Tensor>>().Index())
        {
            x = part.call(x);
            if (_taps.Contains(layer))
            {
                read.Add(x);
            }
        }

        return [.. read.Select(features => features.MoveToOuterDisposeScope())];
    }

    private static MaxPool2d Pool(bool ceiling = false) => MaxPool2d(3, 2, ceil_mode: ceiling);
}

using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Evaluation;

/// <summary>A judge without convolutions: patches, mixed across places and across channels in turn; it sees where in the picture something is.</summary>
/// <remarks>Tolstikhin et al. 2021, arXiv 2105.01601.</remarks>
public sealed class MixingClassifier : PictureClassifier
{
    /// <summary>A name that only this network's weights have.</summary>
    internal const string FirstWeight = "patches.weight";

    private const int Side = 64, Patch = 8, Width = 96, Layers = 4;

    [ComponentName(Name = "patches")]
    private readonly Convolution2d _patches;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<MixingLayer> _layers;

    [ComponentName(Name = "norm")]
    private readonly LayerNorm _norm;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="classes">Number of classes, at least 2.</param>
    public MixingClassifier(int classes)
        : base(nameof(MixingClassifier), classes, Width)
    {
        const int Places = Side / Patch * (Side / Patch);
        _patches = new Convolution2d(3, Width, Patch, stride: Patch);
        _layers = ModuleList([.. Enumerable.Range(0, Layers).Select(_ => new MixingLayer(Places, Width))]);
        _norm = LayerNorm(Width);
        RegisterComponents();
    }

    private protected override Tensor Pooled(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sized = image.shape[2] == Side && image.shape[3] == Side ? image
            : functional.interpolate(image, [Side, Side], mode: InterpolationMode.Bilinear, align_corners: false);
        Tensor tokens = _patches.call(sized).flatten(2).transpose(1, 2);
        foreach (MixingLayer layer in _layers)
        {
            tokens = layer.call(tokens);
        }

        return _norm.call(tokens).mean([1]).MoveToOuterDisposeScope();
    }
}

/// <summary>[B, N, width] to the same shape: a network over the N places of each channel, then one over the channels of each place.</summary>
internal sealed class MixingLayer : Module<Tensor, Tensor>
{
    [ComponentName(Name = "place_norm")]
    private readonly LayerNorm _placeNorm;

    [ComponentName(Name = "places_in")]
    private readonly Linear _placesIn;

    [ComponentName(Name = "places_out")]
    private readonly Linear _placesOut;

    [ComponentName(Name = "channel_norm")]
    private readonly LayerNorm _channelNorm;

    [ComponentName(Name = "channels_in")]
    private readonly Linear _channelsIn;

    [ComponentName(Name = "channels_out")]
    private readonly Linear _channelsOut;

    public MixingLayer(int places, int width)
        : base(nameof(MixingLayer))
    {
        (_placeNorm, _channelNorm) = (LayerNorm(width), LayerNorm(width));
        (_placesIn, _placesOut) = (new Linear(places, places), new Linear(places, places));
        (_channelsIn, _channelsOut) = (new Linear(width, 2 * width), new Linear(2 * width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor across = _placesOut.call(functional.gelu(_placesIn.call(_placeNorm.call(tokens).transpose(1, 2)))).transpose(1, 2);
        Tensor mixed = tokens.Plus(across);
        return mixed.Plus(_channelsOut.call(functional.gelu(_channelsIn.call(_channelNorm.call(mixed))))).MoveToOuterDisposeScope();
    }
}

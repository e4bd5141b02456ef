using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Adapters;

/// <summary>
/// A small network that turns a picture into features for a U-Net's way down (Mou et al. 2023, arXiv 2302.08453). Parameter names are
/// those of the diffusers class <c>T2IAdapter</c>.
/// </summary>
public sealed class T2IAdapterModel : Module
{
    /// <summary>Width of a light block over the width inside it.</summary>
    internal const int Narrowing = 4;

    [ComponentName(Name = "adapter")]
    private readonly T2IAdapterNetwork _network;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public T2IAdapterModel(T2IAdapterOptions options, TensorOptions? tensors = null)
        : base(nameof(T2IAdapterModel))
    {
        options.Validate();
        Options = options;
        _network = new T2IAdapterNetwork(options, tensors ?? TensorOptions.Default);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public T2IAdapterOptions Options { get; }

    /// <summary>The features, finest first. They depend on neither x_t nor t: they serve every step of a request.</summary>
    /// <param name="picture">[B or 1, channels, H, W], usually in [0, 1], sides divisible by the factor, in the precision of the parameters.</param>
    /// <returns>Tensors [B or 1, width, h, w], in the dispose scope of the caller.</returns>
    /// <exception cref="ArgumentException">Where the shape does not fit.</exception>
    public IReadOnlyList<Tensor> Features(Tensor picture)
    {
        TensorCheck.Image(picture, Options.InChannels, Options.DownscaleFactor);
        using DisposeScope scope = NewDisposeScope();
        return [.. _network.Run(functional.pixel_unshuffle(picture, Options.DownscaleFactor)).Select(feature => feature.MoveToOuterDisposeScope())];
    }
}

internal sealed class T2IAdapterNetwork : Module
{
    [ComponentName(Name = "conv_in")]
    private readonly Convolution2d? _in;

    [ComponentName(Name = "body")]
    private readonly ModuleList<T2IAdapterBlock> _blocks;

    public T2IAdapterNetwork(T2IAdapterOptions options, TensorOptions tensors)
        : base(nameof(T2IAdapterNetwork))
    {
        IReadOnlyList<int> widths = options.FeatureWidths;
        bool light = options.Kind == T2IAdapterKind.Light;
        int first = options.InChannels * options.DownscaleFactor * options.DownscaleFactor;
        bool Halves(int index) => options.Kind == T2IAdapterKind.FullXl ? index == 2 : index > 0;
        _in = light ? null : new Convolution2d(first, widths[0], kernelSize: 3, padding: 1, options: tensors);
        _blocks = ModuleList([.. widths.Select((width, index) =>
            new T2IAdapterBlock(index > 0 ? widths[index - 1] : light ? first : width, width, Halves(index), options.ResidualBlocks, light, tensors))]);
        RegisterComponents();
    }

    public IEnumerable<Tensor> Run(Tensor x)
    {
        x = _in?.call(x) ?? x;
        foreach (T2IAdapterBlock block in _blocks)
        {
            x = block.call(x);
            yield return x;
        }
    }
}

/// <summary>Residual blocks of one width; light ones are a quarter as wide inside.</summary>
internal sealed class T2IAdapterBlock : Module<Tensor, Tensor>
{
    [ComponentName(Name = "in_conv")]
    private readonly Convolution2d? _in;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<T2IAdapterResidual> _residuals;

    [ComponentName(Name = "out_conv")]
    private readonly Convolution2d? _out;

    private readonly bool _halves;

    public T2IAdapterBlock(int inWidth, int width, bool halves, int residuals, bool light, TensorOptions tensors)
        : base(nameof(T2IAdapterBlock))
    {
        int inner = light ? width / T2IAdapterModel.Narrowing : width;
        _halves = halves;
        _in = light || inWidth != width ? new Convolution2d(inWidth, inner, kernelSize: 1, options: tensors) : null;
        _residuals = ModuleList([.. Enumerable.Range(0, residuals).Select(_ => new T2IAdapterResidual(inner, light ? 3 : 1, tensors))]);
        _out = light ? new Convolution2d(inner, width, kernelSize: 1, options: tensors) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        x = _halves ? functional.avg_pool2d(x, 2, stride: 2, ceil_mode: true) : x;
        x = _in?.call(x) ?? x;
        foreach (T2IAdapterResidual residual in _residuals)
        {
            x = residual.call(x);
        }

        return (_out?.call(x) ?? x).MoveToOuterDisposeScope();
    }
}

/// <summary>x + two convolutions with a rectifier between them.</summary>
internal sealed class T2IAdapterResidual : Module<Tensor, Tensor>
{
    [ComponentName(Name = "block1")]
    private readonly Convolution2d _first;

    [ComponentName(Name = "block2")]
    private readonly Convolution2d _second;

    public T2IAdapterResidual(int width, int secondKernel, TensorOptions tensors)
        : base(nameof(T2IAdapterResidual))
    {
        _first = new Convolution2d(width, width, kernelSize: 3, padding: 1, options: tensors);
        _second = new Convolution2d(width, width, secondKernel, padding: secondKernel / 2, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return x.Plus(_second.call(functional.relu(_first.call(x)))).MoveToOuterDisposeScope();
    }
}

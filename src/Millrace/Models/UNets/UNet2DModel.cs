using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;

namespace Millrace.Models.UNets;

/// <summary>
/// The U-Net of pictures without text (Ho et al. 2020, arXiv 2006.11239; Song et al. 2021, arXiv 2011.13456). Parameter names
/// are those of the diffusers class of the same name.
/// </summary>
public sealed class UNet2DModel : Module<Tensor, Tensor, Tensor?, Tensor>, IHookedUNet, IRestructuredNetwork
{
    private readonly SinusoidalEmbedding _sinusoids;
    private readonly FourierEmbedding? _fourier;
    private readonly TimestepEmbedding _time;
    private readonly Module? _class;
    private readonly UNetWayDown _down;
    private readonly UNetWayUp _up;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public UNet2DModel(UNet2DOptions options, TensorOptions? tensors = null)
        : base(nameof(UNet2DModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        int first = options.BlockOutChannels[0], width = 4 * first, timeWidth = options.FourierTime ? 2 * first : first;
        _sinusoids = new SinusoidalEmbedding(first, options.FlipSinToCos, options.FreqShift);
        _fourier = options.FourierTime ? new FourierEmbedding(first, cosineFirst: false, logarithm: true, tensors) : null;
        _time = new TimestepEmbedding(timeWidth, width, Activation.Silu, tensors);
        _class = options.ClassEmbedding switch
        {
            UNetClassEmbedding.Table => new Embedding(options.NumClassEmbeds!.Value, width, tensors),
            UNetClassEmbedding.Timestep => new TimestepEmbedding(timeWidth, width, Activation.Silu, tensors),
            _ => null,
        };
        UNetLayout layout = options.Layout;
        _down = new UNetWayDown(layout, tensors);
        _up = new UNetWayUp(layout, _down.SkipWidths, tensors);
        (string, Module?)[] embedding = [("time_proj", _fourier), ("time_embedding", _time), ("class_embedding", _class)];
        this.Register([.. embedding.Where(part => part.Item2 is not null).Select(part => (part.Item1, part.Item2!)), .. _down.Parts, .. _up.Parts]);
        options.Changes.ApplyTo(this, tensors);
    }

    /// <summary>The shape.</summary>
    public UNet2DOptions Options { get; }

    StructureChanges IRestructuredNetwork.Changes => Options.Changes;

    /// <inheritdoc/>
    public ScalarType Precision => ModuleExtensions.Precision(this);

    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], any sides.</param>
    /// <param name="t">Training timestep of each row, [B]; its noise level with <see cref="UNet2DOptions.FourierTime"/>.</param>
    /// <param name="classLabels">[B], where the network is conditional on classes; else null.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Tensor? classLabels) => Predict(x, t, classLabels, UNetHooks.None);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => Predict(x, t, conditioning.ClassLabels, UNetHooks.None);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning, UNetHooks hooks) => Predict(x, t, conditioning.ClassLabels, hooks);

    Module IRestructuredNetwork.With(StructureChanges changes, TensorOptions tensors) => new UNet2DModel(Options with { Changes = changes }, tensors);

    /// <inheritdoc cref="forward"/>
    /// <param name="x">x_t, [B, C, H, W], any sides.</param>
    /// <param name="t">Training timestep of each row, [B]; its noise level with <see cref="UNet2DOptions.FourierTime"/>.</param>
    /// <param name="classLabels">[B], where the network is conditional on classes; else null.</param>
    /// <param name="hooks">What to do to the features of this request.</param>
    public Tensor Predict(Tensor x, Tensor t, Tensor? classLabels, UNetHooks hooks)
    {
        TensorCheck.Image(x, Options.InChannels);
        TensorCheck.Times(x, t);
        using DisposeScope scope = NewDisposeScope();
        var context = new UNetContext(Embed(t, classLabels).to(x.dtype)) { Hooks = hooks };
        Tensor prediction = _up.Run(_down.Run(x, context), context);
        return (Options.FourierTime ? prediction / t.to(x.dtype).view(-1, 1, 1, 1) : prediction).MoveToOuterDisposeScope();
    }

    private Tensor Embed(Tensor t, Tensor? labels)
    {
        Tensor Number(Tensor numbers) => _fourier?.call(numbers) ?? _sinusoids.Of(numbers);
        Tensor time = _time.call(Number(t));
        if (Options.ClassEmbedding == UNetClassEmbedding.None)
        {
            return labels is null ? time : throw new ArgumentException("This U-Net is not conditional on classes: classLabels must be null.", nameof(labels));
        }

        Tensor given = labels ?? throw new ArgumentException("This U-Net is conditional on classes: classLabels must be given.", nameof(labels));
        return time.Plus(_class switch
        {
            Embedding table => table.call(given.to(int64)),
            TimestepEmbedding layers => layers.call(Number(given)),
            _ => given.to(time.dtype),
        });
    }
}

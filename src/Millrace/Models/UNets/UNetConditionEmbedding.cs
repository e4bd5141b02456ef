using System.Diagnostics.CodeAnalysis;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.UNets;

/// <summary>Timestep, guidance scale, class, pooled text and sizes to the vector that enters every residual block. Not a module: the network registers its parts under its own names.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The network registers the parts, and disposes them.")]
internal sealed class UNetConditionEmbedding
{
    private readonly UNet2DConditionOptions _options;
    private readonly SinusoidalEmbedding _sinusoids;
    private readonly FourierEmbedding? _fourier;
    private readonly TimestepEmbedding _time;
    private readonly Module? _class;
    private readonly TimestepEmbedding? _added;
    private readonly Linear? _text;
    private readonly Module<Tensor, Tensor>? _activation;

    public UNetConditionEmbedding(UNet2DConditionOptions options, TensorOptions tensors)
    {
        _options = options;
        int width = options.TimeEmbedDim, first = options.BlockOutChannels[0];
        _sinusoids = new SinusoidalEmbedding(first, options.FlipSinToCos, options.FreqShift);
        _fourier = options.FourierTime ? new FourierEmbedding(width / 2, options.FlipSinToCos, logarithm: false, tensors) : null;
        int timeWidth = options.FourierTime ? width : first;
        TimestepEmbedding Projected(int inWidth) => new(inWidth, width, Activation.Silu, tensors);
        _time = new TimestepEmbedding(timeWidth, width, options.Activation, tensors, options.TimeCondProjDim, options.TimestepPostActivation);
        _class = options.ClassEmbedding switch
        {
            UNetClassEmbedding.Table => new Embedding(options.NumClassEmbeds!.Value, width, tensors),
            UNetClassEmbedding.Timestep => new TimestepEmbedding(timeWidth, width, options.Activation, tensors),
            UNetClassEmbedding.Projection => Projected(options.ProjectionClassEmbeddingsInputDim!.Value),
            UNetClassEmbedding.SimpleProjection => new Linear(options.ProjectionClassEmbeddingsInputDim!.Value, width, options: tensors),
            _ => null,
        };
        _added = options.AdditionTimeEmbedDim is null ? null : Projected(options.ProjectionClassEmbeddingsInputDim!.Value);
        _text = options.EncoderHidDim is { } textWidth ? new Linear(textWidth, options.CrossAttentionDim, options: tensors) : null;
        _activation = options.TimeEmbeddingActivation?.CreateLayer();
    }

    /// <summary>Name and value of each part.</summary>
    public IEnumerable<(string Name, Module Part)> Parts =>
        new (string Name, Module? Part)[]
        {
            ("time_proj", _fourier), ("time_embedding", _time), ("class_embedding", _class), ("add_embedding", _added), ("encoder_hid_proj", _text),
        }.Where(part => part.Part is not null).Select(part => (part.Name, part.Part!));

    /// <summary>What the blocks read.</summary>
    /// <param name="t">[B].</param>
    /// <param name="conditioning">One row for each of <paramref name="t"/>.</param>
    /// <param name="precision">Of the result.</param>
    /// <param name="guidance">The embedded guidance scale where it is given as such; else it is made of the conditioning's.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    public UNetContext Run(Tensor t, Conditioning conditioning, ScalarType precision, Tensor? guidance = null)
    {
        Tensor Number(Tensor numbers) => _fourier?.call(numbers) ?? _sinusoids.Of(numbers);
        if (guidance is null && _time.ConditionWidth is { } width && conditioning.Guidance is { } scale)
        {
            guidance = GuidanceEmbedding.Of(scale, (int)width);
        }

        Tensor embedding = _time.Forward(Number(t), guidance);
        if (_options.ClassEmbedding != UNetClassEmbedding.None)
        {
            Tensor labels = conditioning.ClassLabels
                ?? throw new ArgumentException("This U-Net is conditional on classes: the conditioning must hold ClassLabels.", nameof(conditioning));
            Tensor classes = _class switch
            {
                Embedding table => table.call(labels.to(int64)),
                TimestepEmbedding layers => layers.call(_options.ClassEmbedding == UNetClassEmbedding.Timestep ? Number(labels) : labels),
                Linear layer => layer.call(labels.to(layer.Weight.dtype)),
                _ => labels.to(embedding.dtype),
            };
            embedding = _options.ClassEmbeddingsConcat ? cat([embedding, classes], dim: -1) : embedding.Plus(classes);
        }

        if (_added is not null)
        {
            embedding = embedding.Plus(_added.call(Added(conditioning, embedding.dtype)));
        }

        embedding = (_activation?.call(embedding) ?? embedding).to(precision);
        Tensor text = conditioning.Text.to(precision);
        return new UNetContext(embedding, _text?.call(text) ?? text, AttentionMask.ToBias(conditioning.TextMask));
    }

    private Tensor Added(Conditioning conditioning, ScalarType precision)
    {
        if (conditioning is not { PooledText: { } pooled, SizeIds: { } sizes })
        {
            throw new ArgumentException("This U-Net is conditional on pooled text and sizes: the conditioning must hold PooledText and SizeIds.", nameof(conditioning));
        }

        var sinusoids = new SinusoidalEmbedding(_options.AdditionTimeEmbedDim!.Value, _options.FlipSinToCos, _options.FreqShift);
        Tensor joined = cat([pooled.to(precision), sinusoids.Of(sizes).flatten(1).to(precision)], dim: -1);
        return joined.shape[1] == _options.ProjectionClassEmbeddingsInputDim
            ? joined
            : throw new ArgumentException(
                $"PooledText and {_options.AdditionTimeEmbedDim} sinusoids of each of SizeIds must make {_options.ProjectionClassEmbeddingsInputDim} numbers a row, got {joined.shape[1]}.", nameof(conditioning));
    }
}

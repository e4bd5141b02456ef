using Millrace.Checkpoints;
using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Training.Data;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training.Pictures;

/// <summary>A model of classes, or of none.</summary>
internal sealed class ClassPictureModel : PictureModel
{
    private readonly string[] _labels;
    private readonly UNet2DModel _network;
    private readonly Tensor? _classes, _none;

    /// <param name="set">The pictures.</param>
    /// <param name="withClasses">Whether there are classes.</param>
    /// <param name="shapes">Of the networks.</param>
    /// <param name="initial">Draws the first weights.</param>
    /// <param name="device">Where.</param>
    public ClassPictureModel(PictureSet set, bool withClasses, PictureShapes shapes, Generator initial, Device device)
    {
        IReadOnlyList<string> names = withClasses ? PictureClasses.Of(set) : [];
        _labels = [.. names.Distinct().Order(StringComparer.Ordinal)];
        _network = new UNet2DModel(shapes.WithClasses(_labels.Length)).Initialize(initial).to(device);
        if (withClasses)
        {
            _classes = tensor(names.Select(name => (long)Array.BinarySearch(_labels, name, StringComparer.Ordinal)).ToArray(), device: device).DetachFromDisposeScope();
            _none = tensor(new long[] { _labels.Length }, device: device).DetachFromDisposeScope();
        }
    }

    public override Module Trained => _network;

    public override IConditionalNetwork Network => _network;

    public override Conditioning Condition(Tensor rows, SeededRandom random)
    {
        Conditioning without = new(zeros([rows.shape[0], 0, 0], device: rows.device));
        return _classes is null ? without
            : without with { ClassLabels = ConditionDropout.Drop(Unconditioned, _classes.index_select(0, rows), _none!, random) };
    }

    public override void Save(string folder, AutoencoderTiny autoencoder, PictureProcess process)
    {
        var kind = Of(process);
        DiffusersFolder.Save(folder, _network, autoencoder, kind.Process, kind.Prediction, _labels, ScalarType.Float16);
    }

    public override void Dispose()
    {
        _network.Dispose();
        _classes?.Dispose();
        _none?.Dispose();
    }
}

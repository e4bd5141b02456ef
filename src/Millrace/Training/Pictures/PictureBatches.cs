using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Training.Pictures;

/// <summary>Draws pictures with replacement and changes them: a function of the batch's randomness alone, so that a resumed run sees what an uninterrupted one sees.</summary>
internal sealed class PictureBatches : IDisposable
{
    private readonly PictureSet _set;
    private readonly PictureTrainingOptions _options;
    private readonly Tensor _pixels;

    public PictureBatches(PictureSet set, PictureTrainingOptions options, Device device) =>
        (_set, _options, _pixels) = (set, options, set.Pixels.to(device, copy: true).DetachFromDisposeScope());

    /// <summary>Draws a batch.</summary>
    /// <returns>Pictures [B, 3, H, W], float32 in [-1, 1], and their numbers, [B], in the dispose scope of the caller; their names, on the processor only.</returns>
    public (Tensor Images, Tensor Rows, IReadOnlyList<string> Names) Draw(SeededRandom random)
    {
        Tensor rows = random.Integers(_pixels.shape[0], _options.Batch);
        Tensor images = _pixels.index_select(0, rows).to(float32).Times(2 / 255.0).Plus(-1);
        string[] names = rows.device.type == TorchSharp.DeviceType.CPU ? [.. rows.data<long>().ToArray().Select(row => _set.Names[(int)row])] : [];
        return (_options.Augmentation.Apply(images, random), rows, names);
    }

    public void Dispose() => _pixels.Dispose();
}

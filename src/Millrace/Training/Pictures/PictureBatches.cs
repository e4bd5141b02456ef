using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Training.Pictures;

/// <summary>Draws pictures with replacement and changes them: a function of the batch's randomness alone, so that a resumed run sees what an uninterrupted one sees.</summary>
internal sealed class PictureBatches : IDisposable
{
    private readonly PictureSet _set;
    private readonly PictureTrainingOptions _options;
    private readonly Tensor _pixels;
    private readonly Tensor _order; // numbers of all pictures; those behind the first _shown are held out
    private readonly long _shown;

    public PictureBatches(PictureSet set, PictureTrainingOptions options, Device device)
    {
        (_set, _options, _pixels) = (set, options, set.Pixels.to(device, copy: true).DetachFromDisposeScope());
        long count = set.Names.Count;
        using var generator = new Generator((ulong)options.Seed);
        using Tensor order = options.HeldOut > 0 ? randperm(count, generator: generator) : TensorArithmetic.Indices(count);
        _order = order.to(device, copy: true).DetachFromDisposeScope();
        _shown = Math.Max(1, count - (long)Math.Ceiling(options.HeldOut * count));
    }

    /// <summary>Whether pictures are held out.</summary>
    public bool HoldsOut => _shown < _order.shape[0];

    /// <summary>Draws a batch, changed as the options say, or of pictures that are held out, as they are.</summary>
    /// <param name="random">Source of all randomness.</param>
    /// <param name="heldOut">Whether of those held out.</param>
    /// <returns>Pictures [B, 3, H, W], float32 in [-1, 1], and their numbers, [B], in the dispose scope of the caller; their names, on the processor only.</returns>
    public (Tensor Images, Tensor Rows, IReadOnlyList<string> Names) Draw(SeededRandom random, bool heldOut = false)
    {
        using Tensor places = heldOut ? random.Integers(_order.shape[0] - _shown, _options.Batch).Plus(_shown) : random.Integers(_shown, _options.Batch);
        Tensor rows = _order.index_select(0, places);
        Tensor images = _pixels.index_select(0, rows).to(float32).Times(2 / 255.0).Plus(-1);
        string[] names = rows.device.type == TorchSharp.DeviceType.CPU ? [.. rows.data<long>().ToArray().Select(row => _set.Names[(int)row])] : [];
        return (heldOut ? images : _options.Augmentation.Apply(images, random), rows, names);
    }

    public void Dispose()
    {
        _pixels.Dispose();
        _order.Dispose();
    }
}

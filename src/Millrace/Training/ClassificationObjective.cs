using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>Trains a classifier: cross-entropy with smoothed labels.</summary>
/// <param name="network">Images [B, 3, H, W] to logits [B, classes]; float32 parameters.</param>
/// <param name="batch">Seed to images [B, 3, H, W] and labels [B], int64.</param>
/// <param name="preview">Called by <see cref="Preview"/>: (folder, step).</param>
public sealed class ClassificationObjective(
    Module<Tensor, Tensor> network, Func<long, (Tensor Images, Tensor Labels)> batch, Action<string, long> preview) : IObjective
{
    private const double LabelSmoothing = 0.05;

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("classifier", network, draw => Loss(draw.Seed))];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(long seed)
    {
        using var scope = NewDisposeScope();
        (Tensor images, Tensor labels) = batch(seed);
        return functional.cross_entropy(network.call(images), labels, label_smoothing: LabelSmoothing).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Preview(string folder, long step) => preview(folder, step);
}

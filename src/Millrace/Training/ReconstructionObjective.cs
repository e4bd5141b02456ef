using Millrace.Models.Autoencoders;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>
/// Trains an autoencoder to give back its input: mean absolute error of the pixels and of their differences along rows and
/// columns (which keeps edges sharp), and a small pull of the latents towards unit scale, so that they stay apart from the clamp.
/// </summary>
/// <param name="autoencoder">What is trained; float32 parameters.</param>
/// <param name="batch">Draws images [B, 3, H, W] in [-1, 1], float32.</param>
/// <param name="precision">Precision of the computation.</param>
/// <param name="preview">Called by <see cref="Preview"/>: (folder, step).</param>
public sealed class ReconstructionObjective(AutoencoderTiny autoencoder, Func<TrainingDraw, Tensor> batch, ScalarType precision, Action<string, long> preview) : IObjective
{
    private const double EdgeWeight = 0.5;
    private const double LatentWeight = 1e-3;

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("autoencoder", autoencoder, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        Tensor image = batch(draw);
        Tensor latent = autoencoder.Encoder.call(ChannelsLast(image.to(precision)));
        Tensor decoded = autoencoder.Decoder.call(latent).to(float32);
        Tensor error = decoded.Minus(image);
        Tensor edges = error.diff(dim: 2).abs().mean().Plus(error.diff(dim: 3).abs().mean());
        Tensor loss = error.abs().mean().Plus(edges.Times(EdgeWeight)).Plus(latent.to(float32).Squared().mean().Times(LatentWeight));
        return loss.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Preview(string folder, long step) => preview(folder, step);

    private static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
}

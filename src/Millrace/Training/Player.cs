using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>A network and the loss that it is trained on.</summary>
/// <param name="Name">Its name in the log and in the checkpoint.</param>
/// <param name="Network">What is trained; several networks that are trained together stand in one module. Float32 parameters.</param>
/// <param name="Loss">
/// Draws a batch and computes its loss, a scalar under autograd. All randomness is a function of the draw's seed, so that a resumed
/// run sees what an uninterrupted one sees.
/// </param>
public sealed record Player(string Name, Module Network, Func<TrainingDraw, Tensor> Loss)
{
    /// <summary>Updates of this player in a step; at least 1. Two-rate training gives a critic more.</summary>
    public int UpdatesPerStep { get; init; } = 1;

    /// <summary>Its learning rate over that of the options; above 0.</summary>
    public double LearningRateFactor { get; init; } = 1;

    /// <summary>Whether parameters whose gradient is exactly 0 are left as they are, moments and all: for networks of which a step asks only a part.</summary>
    public bool Lazy { get; init; }
}

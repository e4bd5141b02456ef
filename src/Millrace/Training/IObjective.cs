using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>What a training run minimizes.</summary>
public interface IObjective
{
    /// <summary>What is trained; several networks that are trained together stand in one module.</summary>
    Module Network { get; }

    /// <summary>Draws a batch and computes its loss. All randomness is a function of <paramref name="seed"/>, so that a resumed run sees what an uninterrupted one sees.</summary>
    /// <param name="seed">Seed of this batch.</param>
    /// <returns>A scalar under autograd; the caller's to dispose.</returns>
    Tensor Loss(long seed);

    /// <summary>Shows what the network can do now, in a file beside the checkpoint; called with the averaged weights in place.</summary>
    /// <param name="folder">Where to write.</param>
    /// <param name="step">Number of the step.</param>
    void Preview(string folder, long step);
}

using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models;

/// <summary>
/// Gradient checkpointing: the blocks of a network keep their inputs alone, and compute what is between a second time in the backward
/// pass. Training then takes the memory of one block's activations and another forward pass; gradients are the same but for the order of
/// sums.
/// </summary>
/// <remarks>Chen et al. 2016, arXiv 1604.06174.</remarks>
public static class GradientCheckpointing
{
    /// <summary>Switches it on for every residual, attention and transformer block of a network.</summary>
    /// <param name="network">Changed in place; what it computes stays.</param>
    /// <returns>The number of blocks.</returns>
    /// <exception cref="ArgumentException">Where the network has no such block.</exception>
    public static int CheckpointGradients(this Module network)
    {
        ICheckpointedBlock[] blocks = [.. network.modules().Prepend(network).OfType<ICheckpointedBlock>()];
        foreach (ICheckpointedBlock block in blocks)
        {
            block.Checkpointed = true;
        }

        return blocks.Length > 0 ? blocks.Length : throw new ArgumentException($"{network.GetName()} has no block whose activations could be computed again.", nameof(network));
    }

    /// <summary>Runs a part of a network, keeping its inputs alone.</summary>
    /// <param name="block">Whose part it is; where it is not checkpointed, the part runs as it is.</param>
    /// <param name="part">Inputs to outputs: a function of these and of parameters alone, the same whenever it is computed.</param>
    /// <param name="inputs">Every tensor that the part reads beside parameters; null for one that is not there.</param>
    /// <returns>The outputs, in the dispose scope of the caller.</returns>
    internal static Tensor[] Run(ICheckpointedBlock block, Func<Tensor?[], Tensor[]> part, params Tensor?[] inputs)
    {
        // Where no input asks for a gradient the engine would not come back for those of the parameters.
        bool again = block.Checkpointed && is_grad_enabled() && inputs.Any(input => input is { requires_grad: true });
        return again ? CheckpointFunction.Run(part, inputs) : part(inputs);
    }

    /// <summary>The same for a part with one output.</summary>
    internal static Tensor Run(ICheckpointedBlock block, Func<Tensor?[], Tensor> part, params Tensor?[] inputs) =>
        Run(block, (Tensor?[] given) => [part(given)], inputs)[0];
}

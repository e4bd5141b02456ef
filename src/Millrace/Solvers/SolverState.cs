using System.Collections.Immutable;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// Where a sample stands. A value: a step makes a new one and leaves the old as it was. States own their tensor handles and
/// share the memory behind them, so each is disposed on its own.
/// </summary>
/// <param name="Position">Evaluations of the network so far.</param>
/// <param name="X">What the network is to see next, before its input scale, [B, C, H, W].</param>
/// <param name="Memory">What the solver keeps of earlier evaluations, in an order of its own.</param>
public record SolverState(int Position, Tensor X, ImmutableArray<Tensor> Memory) : IDisposable
{
    /// <summary>Releases the tensor handles.</summary>
    public void Dispose()
    {
        X.Dispose();
        foreach (Tensor tensor in Memory)
        {
            tensor.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Hands the tensor handles to the scope around the current one.</summary>
    /// <returns>This state.</returns>
    public SolverState MoveToOuterDisposeScope()
    {
        _ = X.MoveToOuterDisposeScope();
        foreach (Tensor tensor in Memory)
        {
            _ = tensor.MoveToOuterDisposeScope();
        }

        return this;
    }

    /// <summary>A state that owns handles of its own to these tensors, outside of the scope of the moment.</summary>
    internal static SolverState Owning(int position, Tensor x, IEnumerable<Tensor> memory) =>
        new(position, Own(x), [.. memory.Select(Own)]);

    internal static Tensor Own(Tensor tensor) => tensor.alias().MoveToOuterDisposeScope();
}

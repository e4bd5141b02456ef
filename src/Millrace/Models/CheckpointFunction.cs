using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>A node of libtorch's graph that computes its part without a graph, and again with one when the gradient arrives.</summary>
/// <remarks>Gradients of inputs are handed on; parameters gather theirs in the inner backward pass.</remarks>
[SuppressMessage("Performance", "CA1812", Justification = "TorchSharp makes the one instance.")]
internal sealed class CheckpointFunction : autograd.MultiTensorFunction<CheckpointFunction>
{
    private const string Part = "part";

    // The engine reads what backward returned only after it returned, on a thread that may have no dispose scope.
    [ThreadStatic]
    private static List<Tensor>? _handedOn;

    public override string Name => nameof(CheckpointFunction);

    public static Tensor[] Run(Func<Tensor?[], Tensor[]> part, Tensor?[] inputs) => [.. apply([part, .. inputs])];

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var part = (Func<Tensor?[], Tensor[]>)vars[0];
        Tensor?[] inputs = [.. vars[1..].Cast<Tensor?>()];
        ctx.save_data(Part, part);
        ctx.save_for_backward([.. inputs!]);
        return [.. part(inputs)];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        _handedOn?.ForEach(tensor => tensor?.Dispose());
        using var scope = NewDisposeScope();
        using IDisposable grad = enable_grad();
        var part = (Func<Tensor?[], Tensor[]>)ctx.get_data(Part);
        Tensor?[] saved = [.. ctx.get_saved_variables()];
        Tensor?[] leaves = [.. saved.Select(input => input is null ? null : input.detach().requires_grad_(input.requires_grad))];
        Tensor[] outputs = part(leaves);
        var asked = outputs.Zip(grad_outputs).Where(pair => pair.First.requires_grad).ToArray();
        autograd.backward([.. asked.Select(pair => pair.First)], [.. asked.Select(pair => pair.Second)]);
        _handedOn = [.. leaves.Select(leaf => leaf?.grad?.DetachFromDisposeScope()!)];
        return [null!, .. _handedOn];
    }
}

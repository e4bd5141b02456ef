using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>Gradients through a whole sampler, exact ones, with the memory of all its network calls or of one.</summary>
public static class SamplerGradient
{
    /// <summary>Samples under autograd: every step's activations are kept until the backward pass.</summary>
    /// <param name="denoiser">The denoiser.</param>
    /// <param name="solver">A deterministic solver.</param>
    /// <param name="x">x at the solver's first level, [B, C, H, W].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <returns>The clean sample, under autograd; the caller's to dispose.</returns>
    public static Tensor Sample(IDenoiser denoiser, ISolver solver, Tensor x, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        SolverState state = solver.Start(x);
        while (solver.Next(state) is { } level)
        {
            state = Step(denoiser, solver, state, level, conditioning);
        }

        return state.X.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Samples, asks for a loss and goes back step by step, each computed a second time: the memory of one network call and of the
    /// states between the steps, however many there are. Gradients are added to those of the network's parameters and of the
    /// conditioning where they ask for them.
    /// </summary>
    /// <remarks>Chen et al. 2016, arXiv 1604.06174, applied to the steps; the symplectic adjoint of Pan et al. 2023, arXiv 2307.10711, in effect.</remarks>
    /// <param name="denoiser">The denoiser; in evaluation mode, so that a step computed twice gives the same.</param>
    /// <param name="solver">A deterministic solver.</param>
    /// <param name="x">x at the solver's first level, [B, C, H, W].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <param name="loss">The clean sample [B, C, H, W] to a scalar, under autograd.</param>
    /// <returns>The loss, and the gradient at <paramref name="x"/>, [B, C, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the loss is no scalar or does not depend on the sample.</exception>
    public static (double Loss, Tensor Gradient) Checkpointed(IDenoiser denoiser, ISolver solver, Tensor x, Conditioning conditioning, Func<Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        var states = new List<SolverState>();
        using (no_grad())
        {
            SolverState state = solver.Start(x);
            while (solver.Next(state) is { } level)
            {
                states.Add(state);
                using var inner = NewDisposeScope();
                state = Step(denoiser, solver, state, level, conditioning).MoveToOuterDisposeScope();
            }

            states.Add(state);
        }

        (double value, Tensor gradient) = LossGradient(states[^1].X, loss);
        Tensor[] adjoint = [gradient];
        for (int index = states.Count - 2; index >= 0; index--)
        {
            using var inner = NewDisposeScope();
            adjoint = [.. Pull(denoiser, solver, states[index], conditioning, adjoint).Select(tensor => tensor.MoveToOuterDisposeScope())];
        }

        return (value, adjoint[0].MoveToOuterDisposeScope());
    }

    /// <summary>A loss and its gradient at the sample.</summary>
    internal static (double Loss, Tensor Gradient) LossGradient(Tensor sample, Func<Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        Tensor leaf = sample.detach().clone().requires_grad_();
        Tensor value = loss(leaf);
        if (value.numel() != 1 || !value.requires_grad)
        {
            throw new ArgumentException($"The loss must be one number that depends on the sample, got [{string.Join(", ", value.shape)}]{(value.requires_grad ? "" : " without a gradient")}.", nameof(loss));
        }

        value.backward();
        return (value.to(float64).item<double>(), leaf.grad!.MoveToOuterDisposeScope());
    }

    /// <summary>Gradients at a state's tensors from those at the next state's; parameters gather theirs on the way.</summary>
    private static Tensor[] Pull(IDenoiser denoiser, ISolver solver, SolverState state, Conditioning conditioning, Tensor[] adjoint)
    {
        Tensor[] leaves = [.. Tensors(state).Select(tensor => tensor.detach().requires_grad_())];
        SolverState next = Step(denoiser, solver, state with { X = leaves[0], Memory = [.. leaves[1..]] }, solver.Next(state)!.Value, conditioning);
        Tensor weighted = Tensors(next).Zip(adjoint).Where(pair => pair.First.requires_grad).Select(pair => (pair.First * pair.Second).sum()).Aggregate((sum, term) => sum.Plus(term));
        weighted.backward();
        return [.. leaves.Select(leaf => leaf.grad ?? zeros_like(leaf))];
    }

    private static SolverState Step(IDenoiser denoiser, ISolver solver, SolverState state, NoiseLevel level, Conditioning conditioning)
    {
        Estimate estimate = new Sampler(denoiser, solver).Ask(state, level, conditioning);
        return solver.Step(state, estimate, _ => throw new InvalidOperationException("Gradients go through deterministic solvers only; this one adds noise."));
    }

    private static IEnumerable<Tensor> Tensors(SolverState state) => state.Memory.Prepend(state.X);
}

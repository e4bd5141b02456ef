using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>
/// The gradient of a loss on a sample with respect to its noise, its conditioning and the weights that made it, along a
/// <see cref="ProbabilityFlow"/>.
/// </summary>
/// <param name="flow">The flow.</param>
/// <param name="method">How it is integrated.</param>
public sealed class FlowGradient(ProbabilityFlow flow, RungeKuttaMethod method)
{
    /// <summary>Samples: x at the start to x at the end, under autograd where that is on.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Sample(Tensor x, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        Tensor y = x.Times(flow.StartScale);
        for (int step = 1; step < flow.Grid.Count; step++)
        {
            y = Step(y, step, conditioning);
        }

        return y.Times(flow.EndScale).MoveToOuterDisposeScope();
    }

    /// <summary>The plain way: autograd through all steps, with the memory of all of them. The referee of the others.</summary>
    /// <param name="x">x at the start, [B, C, H, W].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <param name="loss">The sample to a scalar, under autograd.</param>
    /// <param name="parameters">Tensors that gradients are wanted for beside the noise's: weights, or parts of the conditioning; leaves that ask for gradients.</param>
    /// <returns>The caller's to dispose.</returns>
    public FlowGradients Full(Tensor x, Conditioning conditioning, Func<Tensor, Tensor> loss, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        Tensor leaf = x.detach().clone().requires_grad_();
        Tensor value = loss(Sample(leaf, conditioning));
        Tensor[] gradients = [.. autograd.grad([value], [leaf, .. parameters], allow_unused: true)];
        return Of(value.to(float64).item<double>(), gradients, [leaf, .. parameters]);
    }

    /// <summary>The exact gradient of the integrated steps, each computed a second time on the way back: the memory of one step and of the states between.</summary>
    /// <inheritdoc cref="Full" path="/param"/>
    /// <inheritdoc cref="Full" path="/returns"/>
    public FlowGradients Checkpointed(Tensor x, Conditioning conditioning, Func<Tensor, Tensor> loss, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        List<Tensor> states = Forward(x, conditioning);
        (double value, Tensor adjoint) = SamplerGradient.LossGradient(states[^1].Times(flow.EndScale), loss);
        adjoint = adjoint.Times(flow.EndScale);
        Tensor[] sums = [.. parameters.Select(parameter => zeros_like(parameter))];
        for (int step = flow.Grid.Count - 1; step > 0; step--)
        {
            using var inner = NewDisposeScope();
            Tensor y = states[step - 1].detach().requires_grad_();
            Tensor[] gradients = Product(Step(y, step, conditioning), adjoint, y, parameters);
            adjoint = gradients[0].MoveToOuterDisposeScope();
            Accumulate(sums, gradients);
        }

        return Of(value, [adjoint.Times(flow.StartScale), .. sums], [x, .. parameters]);
    }

    /// <summary>
    /// The continuous adjoint: integrates the sample and its adjoint back along the flow, with the memory of one network call and
    /// nothing kept of the way there. Its error is that of the integration.
    /// </summary>
    /// <remarks>Pan et al. 2023, arXiv 2307.10711, equations 6 to 8: da/ds = -a^T d slope/dy, dq/ds = -a^T d slope/d parameter.</remarks>
    /// <inheritdoc cref="Full" path="/param"/>
    /// <inheritdoc cref="Full" path="/returns"/>
    public FlowGradients Adjoint(Tensor x, Conditioning conditioning, Func<Tensor, Tensor> loss, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        Tensor end;
        using (no_grad())
        {
            end = Sample(x, conditioning);
        }

        (double value, Tensor gradient) = SamplerGradient.LossGradient(end, loss);
        Tensor[] state = [end.Times(1 / flow.EndScale), gradient.Times(flow.EndScale), .. parameters.Select(parameter => zeros_like(parameter))];
        for (int step = flow.Grid.Count - 1; step > 0; step--)
        {
            using var inner = NewDisposeScope();
            state = method.Step(state, flow.Grid[step], flow.Grid[step - 1] - flow.Grid[step], Slopes, Add);
            state = [.. state.Select(tensor => tensor.MoveToOuterDisposeScope())];
        }

        return Of(value, [state[1].Times(flow.StartScale), .. state[2..]], [x, .. parameters]);

        Tensor[] Slopes(Tensor[] at, double s)
        {
            Tensor y = at[0].detach().requires_grad_();
            Tensor slope = flow.Slope(y, s, conditioning);
            return [slope.detach(), .. Product(slope, at[1], y, parameters).Select(product => product.neg())];
        }
    }

    private static Tensor[] Add(Tensor[] state, double factor, Tensor[] slope) => [.. state.Zip(slope, (tensor, by) => tensor.Plus(by.Times(factor)))];

    /// <summary>The states between the steps, from the first.</summary>
    private List<Tensor> Forward(Tensor x, Conditioning conditioning)
    {
        using IDisposable noGrad = no_grad();
        List<Tensor> states = [x.Times(flow.StartScale)];
        for (int step = 1; step < flow.Grid.Count; step++)
        {
            states.Add(Step(states[^1], step, conditioning));
        }

        return states;
    }

    private Tensor Step(Tensor y, int step, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        double from = flow.Grid[step - 1];
        return method.Step(y, from, flow.Grid[step] - from, (at, s) => flow.Slope(at, s, conditioning), (at, factor, slope) => at.Plus(slope.Times(factor))).MoveToOuterDisposeScope();
    }

    /// <summary>The adjoint times the derivative of an output with respect to y and the parameters.</summary>
    private static Tensor[] Product(Tensor output, Tensor adjoint, Tensor y, IReadOnlyList<Tensor> parameters)
    {
        Tensor[] inputs = [y, .. parameters];
        return [.. autograd.grad([output], inputs, [adjoint], allow_unused: true).Zip(inputs, Known)];
    }

    private static void Accumulate(Tensor[] sums, Tensor[] gradients)
    {
        for (int index = 0; index < sums.Length; index++)
        {
            sums[index].Add(gradients[index + 1]);
        }
    }

    /// <summary>What has no influence has no gradient.</summary>
    private static Tensor Known(Tensor gradient, Tensor of) => gradient is null || gradient.IsInvalid ? zeros_like(of) : gradient;

    private static FlowGradients Of(double loss, Tensor[] gradients, Tensor[] of)
    {
        Tensor[] known = [.. gradients.Zip(of, Known).Select(gradient => gradient.MoveToOuterDisposeScope())];
        return new FlowGradients(loss, known[0], known[1..]);
    }
}

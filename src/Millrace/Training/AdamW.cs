using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>AdamW on a <see cref="ParameterVector"/>.</summary>
/// <remarks>
/// Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// w = w - rate (m' / (sqrt(v') + e) + decay w), with m' = m / (1 - b1^k) and v' = v / (1 - b2^k).
/// </remarks>
/// <param name="parameters">What is optimized.</param>
/// <param name="options">Rates.</param>
/// <param name="lazy">Whether elements whose gradient is exactly 0 are left as they are.</param>
internal sealed class AdamW(ParameterVector parameters, TrainerOptions options, bool lazy = false) : IDisposable
{
    private const double Epsilon = 1e-8;

    /// <summary>m, [length].</summary>
    public Tensor Mean { get; } = zeros_like(parameters.Values).DetachFromDisposeScope();

    /// <summary>v, [length].</summary>
    public Tensor Square { get; } = zeros_like(parameters.Values).DetachFromDisposeScope();

    /// <summary>Takes one step.</summary>
    /// <param name="step">Number of this step, from 1.</param>
    /// <param name="rate">Learning rate.</param>
    public void Step(long step, double rate)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (lazy)
        {
            Tensor touched = parameters.Gradients.ne(zeros(1, device: parameters.Gradients.device)).nonzero().flatten();
            Step(step, rate, parameters.Gradients.index_select(0, touched), [parameters.Values, Mean, Square], touched);
            return;
        }

        Update(step, rate, parameters.Gradients, parameters.Values, Mean, Square);
    }

    public void Dispose()
    {
        Mean.Dispose();
        Square.Dispose();
    }

    // The elements at some places alone: taken out, updated, put back.
    private void Step(long step, double rate, Tensor gradient, Tensor[] state, Tensor places)
    {
        Tensor[] parts = [.. state.Select(vector => vector.index_select(0, places))];
        Update(step, rate, gradient, parts[0], parts[1], parts[2]);
        foreach ((Tensor vector, Tensor part) in state.Zip(parts))
        {
            vector.index_copy_(0, places, part);
        }
    }

    private void Update(long step, double rate, Tensor gradient, Tensor values, Tensor mean, Tensor square)
    {
        mean.Scale(options.Beta1);
        mean.Add(gradient, 1 - options.Beta1);
        square.Scale(options.Beta2);
        square.AddProduct(gradient, gradient, 1 - options.Beta2);
        Tensor root = square.sqrt();
        root.Scale(1 / Math.Sqrt(1 - Math.Pow(options.Beta2, step)));
        root.Shift(Epsilon);
        values.Scale(1 - (rate * options.WeightDecay));
        values.AddQuotient(mean, root, -rate / (1 - Math.Pow(options.Beta1, step)));
    }
}

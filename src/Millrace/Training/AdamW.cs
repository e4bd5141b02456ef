using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>AdamW on a <see cref="ParameterVector"/>.</summary>
/// <remarks>
/// Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// w = w - rate (m' / (sqrt(v') + e) + decay w), with m' = m / (1 - b1^k) and v' = v / (1 - b2^k).
/// </remarks>
internal sealed class AdamW(ParameterVector parameters, TrainerOptions options) : IDisposable
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
        Tensor gradient = parameters.Gradients;
        Mean.Scale(options.Beta1);
        Mean.Add(gradient, 1 - options.Beta1);
        Square.Scale(options.Beta2);
        Square.AddProduct(gradient, gradient, 1 - options.Beta2);
        Tensor root = Square.sqrt();
        root.Scale(1 / Math.Sqrt(1 - Math.Pow(options.Beta2, step)));
        root.Shift(Epsilon);
        parameters.Values.Scale(1 - (rate * options.WeightDecay));
        parameters.Values.AddQuotient(Mean, root, -rate / (1 - Math.Pow(options.Beta1, step)));
    }

    public void Dispose()
    {
        Mean.Dispose();
        Square.Dispose();
    }
}

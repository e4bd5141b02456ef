using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>One tensor against its reference.</summary>
/// <param name="Name">Name of the reference.</param>
/// <param name="RelativeError">Largest absolute difference over the largest absolute value of the reference; infinite where ours holds a NaN.</param>
public readonly record struct TensorComparison(string Name, double RelativeError)
{
    /// <summary>Compares in double precision.</summary>
    /// <exception cref="InvalidDataException">Where the shapes differ.</exception>
    public static TensorComparison Of(string name, Tensor ours, Tensor reference)
    {
        if (!ours.shape.SequenceEqual(reference.shape))
        {
            throw new InvalidDataException($"Tensor \"{name}\" has the shape [{string.Join(", ", reference.shape)}], and what we compute has [{string.Join(", ", ours.shape)}].");
        }

        using var scope = NewDisposeScope();
        Tensor expected = reference.to(float64);
        double difference = ours.to(float64).Minus(expected).abs().max().item<double>();
        double scale = expected.abs().max().item<double>();
        return new TensorComparison(name, double.IsNaN(difference) ? double.PositiveInfinity : difference == 0 ? 0 : difference / scale);
    }
}

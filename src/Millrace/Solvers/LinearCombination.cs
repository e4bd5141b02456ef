using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Weighted sums of tensors, the one operation that steps are made of.</summary>
internal static class LinearCombination
{
    /// <summary>The sum; a term of weight 0 is left out, whatever its tensor holds.</summary>
    /// <returns>A new tensor; the caller's to dispose.</returns>
    public static Tensor Of(params ReadOnlySpan<(double Weight, Tensor Value)> terms)
    {
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        foreach ((double weight, Tensor value) in terms)
        {
            if (weight != 0)
            {
                Tensor term = value.Times(weight);
                sum = sum is null ? term : sum.Plus(term);
            }
        }

        return (sum ?? zeros_like(terms[0].Value)).MoveToOuterDisposeScope();
    }
}

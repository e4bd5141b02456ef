using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>Carries what a network learned over to another of the same shape, as a difference of weights.</summary>
public static class WeightArithmetic
{
    /// <summary>target += share (tuned - original): a distilled model takes on a style, a tuned one becomes a one-step model.</summary>
    /// <remarks>Liu et al. 2023, arXiv 2309.06380, section 4.3 of its code; Chen et al. 2024, arXiv 2412.02030, section 4.4.</remarks>
    /// <param name="target">Changed in place.</param>
    /// <param name="tuned">Weights with the difference.</param>
    /// <param name="original">Weights without it.</param>
    /// <param name="share">How much of it; its negative takes it away again.</param>
    /// <exception cref="ArgumentException">Where the three do not have the same parameters; names the first. Nothing is changed then.</exception>
    public static void AddDifference(Module target, Module tuned, Module original, double share = 1)
    {
        Dictionary<string, Tensor> to = target.state_dict(), from = tuned.state_dict(), without = original.state_dict();
        foreach ((string name, Tensor weight) in to)
        {
            if (!from.TryGetValue(name, out Tensor? a) || !without.TryGetValue(name, out Tensor? b) || !a.shape.SequenceEqual(weight.shape) || !b.shape.SequenceEqual(weight.shape))
            {
                throw new ArgumentException($"The networks differ in '{name}', which is [{string.Join(", ", weight.shape)}] in the target.", nameof(tuned));
            }
        }

        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((string name, Tensor weight) in to)
        {
            weight.Add(from[name].Minus(without[name]), share);
        }
    }
}

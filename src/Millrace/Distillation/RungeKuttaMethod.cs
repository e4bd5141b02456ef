namespace Millrace.Distillation;

/// <summary>An explicit method for differential equations with fixed steps, by its tableau: how many slopes a step has and where they stand.</summary>
/// <param name="Nodes">Where within a step each slope is asked, in [0, 1]; each stage builds on the one before it alone.</param>
/// <param name="Weights">Weights of the slopes; they sum to 1.</param>
public sealed record RungeKuttaMethod(IReadOnlyList<double> Nodes, IReadOnlyList<double> Weights)
{
    /// <summary>Order 1.</summary>
    public static RungeKuttaMethod Euler { get; } = new([0], [1]);

    /// <summary>Order 2.</summary>
    public static RungeKuttaMethod Midpoint { get; } = new([0, 0.5], [0, 1]);

    /// <summary>The classical method of order 4 (Kutta 1901).</summary>
    public static RungeKuttaMethod Classical { get; } = new([0, 0.5, 0.5, 1], [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6]);

    /// <summary>One step of a system whose state is several tensors.</summary>
    /// <typeparam name="T">The state.</typeparam>
    /// <param name="state">Where it starts.</param>
    /// <param name="s">Where in s.</param>
    /// <param name="width">Width of the step; of either sign.</param>
    /// <param name="slope">(state, s) to the slope.</param>
    /// <param name="add">(state, factor, slope) to state + factor slope.</param>
    public T Step<T>(T state, double s, double width, Func<T, double, T> slope, Func<T, double, T, T> add)
    {
        T sum = state, previous = state;
        for (int stage = 0; stage < Nodes.Count; stage++)
        {
            T at = Nodes[stage] == 0 ? state : add(state, Nodes[stage] * width, previous);
            previous = slope(at, s + (Nodes[stage] * width));
            sum = Weights[stage] == 0 ? sum : add(sum, Weights[stage] * width, previous);
        }

        return sum;
    }
}

namespace Millrace.Recipes;

/// <summary>What one run measured: a number for each arm of the experiment and each metric.</summary>
public sealed class Findings
{
    private readonly Dictionary<(string Arm, string Metric), double> _values = [];

    /// <summary>All, in the order in which they were measured.</summary>
    public IEnumerable<(string Arm, string Metric, double Value)> All => _values.Select(value => (value.Key.Arm, value.Key.Metric, value.Value));

    /// <summary>What was measured, or is now.</summary>
    /// <exception cref="KeyNotFoundException">Where it was not measured.</exception>
    public double this[string arm, string metric]
    {
        get => _values.TryGetValue((arm, metric), out double value) ? value : throw new KeyNotFoundException($"'{metric}' of '{arm}' was not measured.");
        set => _values[(arm, metric)] = value;
    }
}

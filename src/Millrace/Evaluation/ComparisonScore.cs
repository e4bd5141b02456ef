namespace Millrace.Evaluation;

/// <summary>A figure of a comparison of pictures.</summary>
/// <param name="Space">Where it was measured: a judge's name, or pixels.</param>
/// <param name="Metric">What was measured.</param>
/// <param name="Value">The figure with its 95 % interval.</param>
/// <param name="Ideal">What samples of the reference's own law would have, with no end of pictures.</param>
public sealed record ComparisonScore(string Space, string Metric, MeanEstimate Value, double Ideal);

namespace Millrace.Processes;

/// <summary>How x and the network's output F make the clean sample and the noise: x_0 = SampleOfX x + SampleOfOutput F, e = NoiseOfX x + NoiseOfOutput F.</summary>
/// <param name="SampleOfX">Share of x in x_0.</param>
/// <param name="SampleOfOutput">Share of F in x_0.</param>
/// <param name="NoiseOfX">Share of x in e.</param>
/// <param name="NoiseOfOutput">Share of F in e.</param>
public readonly record struct PredictionFactors(double SampleOfX, double SampleOfOutput, double NoiseOfX, double NoiseOfOutput);

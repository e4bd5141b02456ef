namespace Millrace.Checkpoints;

/// <summary>How a family is sampled where nobody says otherwise.</summary>
/// <param name="Steps">Steps of the solver.</param>
/// <param name="GuidanceScale">Scale of classifier-free guidance, or of the guidance that the network computes by itself; 1 or less is none.</param>
public sealed record SamplingDefaults(int Steps, double GuidanceScale);

namespace Millrace.Training.Data;

/// <summary>A sample that was left out.</summary>
/// <param name="Name">Its file.</param>
/// <param name="Reason">Why, in a sentence.</param>
public sealed record SkippedSample(string Name, string Reason);

namespace Millrace.Runtime;

/// <summary>Something on this machine that stands in the way, and what cures it.</summary>
/// <param name="Problem">What is wrong, one sentence.</param>
/// <param name="Cure">What the user can do about it, one sentence.</param>
/// <param name="Needed">Whether nothing works without the cure; else only a part does not, or is slow.</param>
public sealed record SystemFinding(string Problem, string Cure, bool Needed);

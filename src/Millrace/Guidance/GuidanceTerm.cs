namespace Millrace.Guidance;

/// <summary>A further condition with a scale of its own.</summary>
/// <param name="Condition">One row, used for every row; used, not owned.</param>
/// <param name="Scale">How strongly it pulls; negative pushes away.</param>
public sealed record GuidanceTerm(Conditioning Condition, double Scale);

using Millrace.Evaluation;

namespace Millrace.Recipes;

/// <summary>The result of a recipe: every figure of every seed, and whether the claim holds.</summary>
/// <param name="Name">The recipe.</param>
/// <param name="Scale">How large.</param>
/// <param name="Date">Day of the run.</param>
/// <param name="Commit">Commit of the source that ran.</param>
/// <param name="Minutes">Duration of all runs.</param>
/// <param name="Seeds">Seeds of the runs.</param>
/// <param name="Measurements">What was measured.</param>
/// <param name="Criteria">What the claim demands and what was found.</param>
public sealed record RecipeRecord(
    string Name, RecipeScale Scale, DateOnly Date, string Commit, double Minutes, IReadOnlyList<long> Seeds,
    IReadOnlyList<RecipeRecord.Measurement> Measurements, IReadOnlyList<RecipeRecord.Verdict> Criteria)
{
    /// <summary>Whether all criteria hold.</summary>
    public bool Reproduced => Criteria.All(criterion => criterion.Holds);

    /// <summary>Joins the findings of all seeds.</summary>
    public static RecipeRecord Of(
        Recipe recipe, RecipeScale scale, IReadOnlyList<long> seeds, IReadOnlyList<Findings> findings, DateOnly date, string commit, double minutes) => new(
        recipe.Name, scale, date, commit, Math.Round(minutes, 1), seeds,
        [.. findings[0].All.Select(one => new Measurement(one.Arm, one.Metric, [.. findings.Select(run => run[one.Arm, one.Metric])]))],
        [.. recipe.Criteria.Select(criterion => Judge(criterion, [.. findings.Select(criterion.Value)]))]);

    private static Verdict Judge(Criterion criterion, double[] values)
    {
        MeanEstimate estimate = MeanEstimate.Of(values);
        return new Verdict(criterion.Text, criterion.Bound, criterion.AtLeast, estimate.Mean, estimate.Low, estimate.High, criterion.Holds(estimate.Mean));
    }

    /// <param name="Arm">Arm of the experiment.</param>
    /// <param name="Metric">What was measured.</param>
    /// <param name="Values">A value for each seed.</param>
    public sealed record Measurement(string Arm, string Metric, IReadOnlyList<double> Values);

    /// <param name="Text">The criterion in words.</param>
    /// <param name="Bound">Its bound.</param>
    /// <param name="AtLeast">Whether the figure must be at least the bound; else at most.</param>
    /// <param name="Mean">Mean of the figure over the seeds.</param>
    /// <param name="Low">Lower end of its 95 % interval.</param>
    /// <param name="High">Upper end.</param>
    /// <param name="Holds">Whether the mean satisfies the criterion.</param>
    public sealed record Verdict(string Text, double Bound, bool AtLeast, double Mean, double Low, double High, bool Holds);
}

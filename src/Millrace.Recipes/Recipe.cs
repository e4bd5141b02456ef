namespace Millrace.Recipes;

/// <summary>
/// A system from the literature as a small experiment: its parts put together, beside the baseline that its claim is about, in
/// one process.
/// </summary>
public abstract class Recipe
{
    /// <summary>Its name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Title of the paper.</summary>
    public abstract string Title { get; }

    /// <summary>Where it was published.</summary>
    public abstract string Source { get; }

    /// <summary>What the paper claims, in a sentence.</summary>
    public abstract string Claim { get; }

    /// <summary>What it is compared with here, and on what data.</summary>
    public abstract string Experiment { get; }

    /// <summary>What must hold for the claim to count as reproduced.</summary>
    public abstract IReadOnlyList<Criterion> Criteria { get; }

    /// <summary>What was learned beside the figures, where a claim did not reproduce what was tried; empty where nothing.</summary>
    public virtual string Notes => "";

    /// <summary>Runs the experiment with one seed.</summary>
    /// <exception cref="OperationCanceledException">Where it was cancelled; it can be run again and goes on.</exception>
    public abstract Findings Run(RecipeContext context);
}

namespace Millrace.Recipes;

/// <summary>What one run of a recipe, with one seed, is given.</summary>
/// <param name="Scale">How large.</param>
/// <param name="Seed">Seed of everything.</param>
/// <param name="Folder">For checkpoints and logs; a run that was ended goes on from there.</param>
/// <param name="Progress">Told what is being done.</param>
/// <param name="Cancellation">Ends the run.</param>
public sealed record RecipeContext(RecipeScale Scale, long Seed, string Folder, IProgress<string> Progress, CancellationToken Cancellation)
{
    /// <summary>A number of steps, pairs or points, by the scale: the small experiment's, a hundredth for smoke, three times for full.</summary>
    public int Steps(int small) => Scale switch
    {
        RecipeScale.Smoke => Math.Max(2, small / 100),
        RecipeScale.Full => 3 * small,
        _ => small,
    };
}

namespace Millrace.Recipes;

/// <summary>How large an experiment is run.</summary>
public enum RecipeScale
{
    /// <summary>Seconds: whether the machinery works.</summary>
    Smoke,

    /// <summary>Minutes on a processor: the experiment by which a claim is judged here.</summary>
    Small,

    /// <summary>As long as it takes: the experiment with three times the steps.</summary>
    Full,
}

namespace Millrace.Checkpoints.Adapters;

/// <summary>A word that a model was taught by textual inversion (Gal et al. 2022, arXiv 2208.01618).</summary>
/// <param name="Path">The file that it came from.</param>
/// <param name="Token">As it stands in prompts, whatever its case.</param>
/// <param name="Vectors">How many tokens it takes up.</param>
public sealed record TextualInversion(string Path, string Token, int Vectors);

namespace Millrace.Recipes.Emoji.Compositions;

/// <summary>A picture that the set lacks, made of what it has.</summary>
/// <param name="Word">What is new: a colour or an expression.</param>
/// <param name="Thing">What it is put on, in the words of a prompt.</param>
/// <param name="Row">Of the picture that it is made of, in the set.</param>
/// <param name="Pixels">[4, side x side] bytes: red, green, blue on white, transparency.</param>
internal sealed record Composition(string Word, string Thing, int Row, byte[] Pixels)
{
    private const int OneIn = 10;

    /// <summary>What one asks for it with.</summary>
    public string Prompt => $"{Word} {Thing}";

    /// <summary>Whether the word is a colour, and not an expression.</summary>
    public bool IsColour => PaletteColour.All.Any(colour => colour.Name == Word);

    /// <summary>Whether it is kept from training, to see what a model makes of a combination that it has not met; by its prompt alone.</summary>
    public bool IsHeldOut => Hash(Prompt) % OneIn == 0;

    // FNV-1a: the same on every machine and in every run.
    private static uint Hash(string text) => text.Aggregate(2166136261u, (hash, letter) => unchecked((hash ^ letter) * 16777619u));
}

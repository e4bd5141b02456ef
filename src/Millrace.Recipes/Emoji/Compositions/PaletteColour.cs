using SkiaSharp;

namespace Millrace.Recipes.Emoji.Compositions;

/// <summary>A colour that a prompt may ask for.</summary>
/// <param name="Name">Its name in prompts.</param>
/// <param name="Hue">In degrees.</param>
/// <param name="Saturation">What the saturation of a tinted pixel is multiplied by, and at most 1.</param>
/// <param name="Value">What its value is multiplied by.</param>
internal sealed record PaletteColour(string Name, float Hue, float Saturation, float Value)
{
    /// <summary>The colours.</summary>
    public static IReadOnlyList<PaletteColour> All { get; } =
    [
        new("red", 2, 1.1f, 0.95f), new("orange", 28, 1.1f, 1), new("yellow", 50, 1, 1.05f), new("green", 125, 0.9f, 0.8f), new("blue", 215, 1, 0.95f),
        new("purple", 275, 0.85f, 0.85f), new("pink", 330, 0.55f, 1.1f), new("brown", 20, 0.75f, 0.55f), new("black", 0, 0.02f, 0.25f), new("white", 0, 0.03f, 1.3f),
    ];

    /// <summary>The colour as a ground, channels in [0, 1].</summary>
    public (float Red, float Green, float Blue) Ground
    {
        get
        {
            SKColor colour = SKColor.FromHsv(Hue, Math.Min(100, 70 * Saturation), Math.Min(100, 90 * Value));
            return (colour.Red / 255f, colour.Green / 255f, colour.Blue / 255f);
        }
    }

    /// <summary>What is left of a name without a colour in front: "red apple" to "apple".</summary>
    public static string WithoutColour(string name)
    {
        int space = name.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && All.Any(colour => colour.Name.AsSpan().SequenceEqual(name.AsSpan(0, space))) ? name[(space + 1)..] : name;
    }
}

namespace Millrace.Recipes.Emoji.Compositions;

/// <summary>Every composition of a set: each thing in each colour, and faces on things that have room for one.</summary>
internal static class CompositionBook
{
    private static readonly HashSet<string> Colourless = new(StringComparer.Ordinal) { "Flags", "Component", "People & Body" };
    private static readonly HashSet<string> Facing = new(StringComparer.Ordinal) { "Food & Drink", "Travel & Places", "Objects", "Activities" };
    private static readonly HashSet<string> FacingSubgroups = new(StringComparer.Ordinal) { "heart", "emotion", "geometric", "plant-flower", "plant-other" };

    /// <summary>Makes them all.</summary>
    public static IReadOnlyList<Composition> Of(EmojiSet set)
    {
        var names = set.Pictures.Select(picture => picture.Prompt).ToHashSet(StringComparer.Ordinal);
        return [.. Coloured(set, names).AsParallel().AsOrdered(), .. Faced(set, names)];
    }

    private static IEnumerable<Composition> Coloured(EmojiSet set, HashSet<string> names) =>
        from row in Enumerable.Range(0, set.Pictures.Count)
        where !Colourless.Contains(set.Pictures[row].Group)
        let thing = PaletteColour.WithoutColour(set.Pictures[row].Prompt)
        from colour in PaletteColour.All
        where !names.Contains($"{colour.Name} {thing}")
        select new Composition(colour.Name, thing, row, Tint.Apply(set.Layers[row], colour));

    private static IEnumerable<Composition> Faced(EmojiSet set, HashSet<string> names)
    {
        var features = FaceFeatures.Learn(set.Pictures, set.Layers, EmojiShapes.Side);
        return
            from row in Enumerable.Range(0, set.Pictures.Count)
            let picture = set.Pictures[row]
            where (Facing.Contains(picture.Group) || FacingSubgroups.Contains(picture.Subgroup)) && !picture.Name.Contains("face", StringComparison.Ordinal)
            from expression in FaceFeatures.Expressions
            where !names.Contains($"{expression.Word} {picture.Prompt}")
            let faced = features.PutOn(set.Layers[row], set.Layers[set.RowOf(expression.Face)])
            where faced is not null
            select new Composition(expression.Word, picture.Prompt, row, faced);
    }
}

using Millrace.Recipes.Emoji.Compositions;

namespace Millrace.Recipes.Emoji;

/// <summary>The ways in which a person may ask for a picture of the set.</summary>
internal static class EmojiCaptions
{
    /// <summary>Captions of one picture, each as likely as its number of occurrences.</summary>
    public static IReadOnlyList<string> Of(EmojiPicture picture, int count, Random random) =>
        [.. Enumerable.Range(0, count).Select(index => index == 0 ? picture.Prompt : Caption(picture, random))];

    /// <summary>Captions of a composition.</summary>
    public static IReadOnlyList<string> Of(Composition composition, EmojiPicture picture, int count, Random random) =>
        [.. Enumerable.Range(0, count).Select(index => index == 0 ? composition.Prompt : Caption(composition, picture, random))];

    /// <summary>A caption of what stands on a coloured ground.</summary>
    public static string OnGround(string caption, string colour) => $"{caption} on a {colour} background";

    private static string Caption(Composition composition, EmojiPicture picture, Random random)
    {
        string[] others = [.. picture.Aliases.Select(word => PaletteColour.WithoutColour(word.Replace('_', ' ')))];
        return random.Next(10) switch
        {
            < 5 => composition.Prompt,
            5 => $"a {composition.Prompt}",
            6 => $"emoji of a {composition.Prompt}",
            7 => $"{composition.Prompt}, {composition.Word}",
            _ when others.Length > 0 => $"{composition.Word} {others[random.Next(others.Length)]}",
            _ => $"{composition.Thing} in {composition.Word}",
        };
    }

    private static string Caption(EmojiPicture picture, Random random)
    {
        string name = picture.Prompt;
        string[] others = [.. picture.Aliases.Concat(picture.Tags).Select(word => word.Replace('_', ' '))];
        string[] words = [.. others.Where(_ => random.Next(2) == 0)];
        string subgroup = picture.Subgroup.Replace('-', ' ');
        return random.Next(10) switch
        {
            < 3 => name,
            3 => $"a {name}",
            4 => $"emoji of a {name}",
            5 => $"an emoji: {name}",
            6 => string.Join(' ', words.Prepend(name)),
            7 => string.Join(", ", words.Append(name)),
            8 when others.Length > 0 => others[random.Next(others.Length)],
            _ => $"{name}, {subgroup}",
        };
    }
}

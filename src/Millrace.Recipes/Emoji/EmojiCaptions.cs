namespace Millrace.Recipes.Emoji;

/// <summary>The ways in which a person may ask for a picture of the set.</summary>
internal static class EmojiCaptions
{
    /// <summary>Captions of one picture, each as likely as its number of occurrences.</summary>
    public static IReadOnlyList<string> Of(EmojiPicture picture, int count, Random random) =>
        [.. Enumerable.Range(0, count).Select(index => index == 0 ? picture.Prompt : Caption(picture, random))];

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

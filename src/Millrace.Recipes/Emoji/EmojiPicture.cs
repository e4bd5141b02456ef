namespace Millrace.Recipes.Emoji;

/// <summary>What is known of one picture of the emoji set.</summary>
/// <param name="Name">Unicode name, such as "grinning face".</param>
/// <param name="Group">One of nine.</param>
/// <param name="Subgroup">One of about a hundred, such as "face-smiling".</param>
/// <param name="Aliases">Other names.</param>
/// <param name="Tags">Words that go with it.</param>
public sealed record EmojiPicture(string Name, string Group, string Subgroup, IReadOnlyList<string> Aliases, IReadOnlyList<string> Tags)
{
    /// <summary>The name in lower case, which is what one asks for it with.</summary>
    public string Prompt => Name.ToLowerInvariant();
}

using System.CommandLine.Parsing;
using System.Globalization;

namespace Millrace.Cli.Commands;

/// <summary>Width and height in pixels.</summary>
internal readonly record struct PixelSize(int Width, int Height);

/// <summary>A prompt and the first frame it holds for.</summary>
internal sealed record PromptChange(long Frame, string Prompt);

/// <summary>From the words of the command line to values; a wrong word is one clear sentence.</summary>
internal static class OptionParsers
{
    /// <summary>The value of an option's word; where it is not what is allowed, an error that says so, and null.</summary>
    public static T? Read<T>(this ArgumentResult result, string allowed, Func<string, T?> read)
        where T : struct
    {
        string word = result.Tokens[^1].Value;
        T? value = read(word);
        if (value is null)
        {
            result.AddError($"{OptionName(result)} must be {allowed}; got \"{word}\".");
        }

        return value;
    }

    /// <summary>"16,32": a list of whole numbers.</summary>
    public static IReadOnlyList<int> Steps(ArgumentResult result)
    {
        var steps = new List<int>();
        foreach (string word in result.Tokens[^1].Value.Split(','))
        {
            if (!int.TryParse(word, NumberStyles.Integer, CultureInfo.InvariantCulture, out int step))
            {
                result.AddError($"{OptionName(result)} must be whole numbers joined by commas, such as 16,32; got \"{result.Tokens[^1].Value}\".");
                return [];
            }

            steps.Add(step);
        }

        return steps;
    }

    /// <summary>"64" or "640x360".</summary>
    public static PixelSize? Size(ArgumentResult result) => result.Read<PixelSize>("a number of pixels in 1..16384, such as 64, or two, such as 640x360", word =>
    {
        int[] sides = [.. word.Split('x').Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out int pixels) ? pixels : 0)];
        return sides.Length <= 2 && sides.All(side => side is >= 1 and <= 16384) ? new PixelSize(sides[0], sides[^1]) : null;
    });

    /// <summary>40:"a red fruit", any number of times.</summary>
    public static IReadOnlyList<PromptChange> PromptChanges(ArgumentResult result)
    {
        var changes = new List<PromptChange>();
        foreach (string word in result.Tokens.Select(token => token.Value))
        {
            string[] parts = word.Split(':', 2);
            if (parts.Length < 2 || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long frame))
            {
                result.AddError($"{OptionName(result)} must be FRAME:PROMPT, such as 40:\"a red fruit\"; got \"{word}\".");
                return [];
            }

            changes.Add(new PromptChange(frame, parts[1]));
        }

        return changes;
    }

    private static string OptionName(ArgumentResult result) => ((OptionResult)result.Parent!).Option.Name;
}

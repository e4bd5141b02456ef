using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace Millrace.Cli.Commands;

/// <summary>FILE[:WORD]: a textual inversion and what stands for it in prompts; null for the file's own word.</summary>
internal sealed partial record EmbeddingWord(string Path, string? Token)
{
    public static IReadOnlyList<EmbeddingWord> Parse(ArgumentResult result) =>
    [
        .. result.Tokens.Select(token => Form().Match(token.Value)).Select(match =>
            new EmbeddingWord(match.Groups["path"].Value, match.Groups["word"] is { Success: true } word ? word.Value : null)),
    ];

    // A colon before a slash is no word but a drive.
    [GeneratedRegex(@"^(?<path>.+?)(:(?<word>[^:/\\]+))?$", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}

using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Millrace.Cli.Commands;

/// <summary>FILE[:SCALE]: a LoRA and how strong it is.</summary>
internal sealed partial record LoraWord(string Path, double Scale)
{
    public static IReadOnlyList<LoraWord> Parse(ArgumentResult result) =>
    [
        .. result.Tokens.Select(token => Form().Match(token.Value)).Select(match =>
            new LoraWord(match.Groups["path"].Value, match.Groups["scale"].Success ? double.Parse(match.Groups["scale"].Value, CultureInfo.InvariantCulture) : 1)),
    ];

    [GeneratedRegex(@"^(?<path>.+?)(:(?<scale>-?\d+(\.\d+)?))?$", RegexOptions.Singleline)]
    private static partial Regex Form();
}

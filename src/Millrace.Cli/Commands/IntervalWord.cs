using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Millrace.Cli.Commands;

/// <summary>START-END: a part of the way from noise (0) to picture (1).</summary>
internal sealed partial record IntervalWord(double Start, double End)
{
    public static IntervalWord? Parse(ArgumentResult result)
    {
        string word = result.Tokens[^1].Value;
        Match match = Form().Match(word);
        if (!match.Success)
        {
            result.AddError($"--guidance-interval must be START-END, such as 0.1-0.8; got \"{word}\".");
            return null;
        }

        double Number(string group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
        return new IntervalWord(Number("start"), Number("end"));
    }

    [GeneratedRegex(@"^(?<start>\d+(\.\d+)?)-(?<end>\d+(\.\d+)?)$")]
    private static partial Regex Form();
}

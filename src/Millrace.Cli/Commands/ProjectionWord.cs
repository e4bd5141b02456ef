using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Millrace.Cli.Commands;

/// <summary>RADIUS[:MOMENTUM]: how far adaptive projected guidance may move the clean sample, and what it keeps of earlier steps.</summary>
internal sealed partial record ProjectionWord(double Radius, double Momentum)
{
    public static ProjectionWord? Parse(ArgumentResult result)
    {
        string word = result.Tokens[^1].Value;
        Match match = Form().Match(word);
        if (!match.Success)
        {
            result.AddError($"--projected-guidance must be RADIUS or RADIUS:MOMENTUM, such as 15:-0.5; got \"{word}\".");
            return null;
        }

        double Number(string group) => match.Groups[group].Success ? double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : 0;
        return new ProjectionWord(Number("radius"), Number("momentum"));
    }

    [GeneratedRegex(@"^(?<radius>\d+(\.\d+)?)(:(?<momentum>-?\d+(\.\d+)?))?$")]
    private static partial Regex Form();
}

using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Millrace.Cli.Commands;

/// <summary>SCALE[:LAYER,...]: how strong perturbed-attention guidance is, and which layers of the U-Net it perturbs.</summary>
internal sealed partial record PerturbationWord(double Scale, IReadOnlyList<string> Layers)
{
    public static PerturbationWord? Parse(ArgumentResult result)
    {
        string word = result.Tokens[^1].Value;
        Match match = Form().Match(word);
        if (!match.Success)
        {
            result.AddError($"--perturbed-attention must be SCALE or SCALE:LAYER,LAYER, such as 3:mid_block; got \"{word}\".");
            return null;
        }

        return new PerturbationWord(
            double.Parse(match.Groups["scale"].Value, CultureInfo.InvariantCulture), match.Groups["layers"].Success ? match.Groups["layers"].Value.Split(',') : []);
    }

    [GeneratedRegex(@"^(?<scale>\d+(\.\d+)?)(:(?<layers>[^:]+))?$")]
    private static partial Regex Form();
}

using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;
using Millrace.Models.Adapters;

namespace Millrace.Cli.Commands;

/// <summary>PATH=PICTURE[:SCALE[:START-END]]: a control network or an adapter, what it is shown, how strongly and where it works.</summary>
internal sealed partial record ControlWord(string Path, string Picture, ControlStrength Strength)
{
    public static IReadOnlyList<ControlWord> Parse(ArgumentResult result)
    {
        var controls = new List<ControlWord>();
        foreach (string word in result.Tokens.Select(token => token.Value))
        {
            Match match = Form().Match(word);
            if (!match.Success)
            {
                result.AddError($"{((OptionResult)result.Parent!).Option.Name} must be PATH=PICTURE, and may go on with :SCALE and :START-END, such as canny=edges.png:0.8:0-0.5; got \"{word}\".");
                return [];
            }

            double Number(string group, double otherwise) => match.Groups[group].Success ? double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : otherwise;
            controls.Add(new ControlWord(
                match.Groups["path"].Value, match.Groups["picture"].Value, new ControlStrength(Number("scale", 1), Number("start", 0), Number("end", 1))));
        }

        return controls;
    }

    [GeneratedRegex(@"^(?<path>[^=]+)=(?<picture>.+?)(:(?<scale>\d+(\.\d+)?)(:(?<start>\d+(\.\d+)?)-(?<end>\d+(\.\d+)?))?)?$")]
    private static partial Regex Form();
}

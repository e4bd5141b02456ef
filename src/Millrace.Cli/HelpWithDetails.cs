using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Millrace.Cli;

/// <summary>A command whose own help says more than the line that its parent's help gives it.</summary>
internal sealed class DetailedCommand(string name, string summary, string details) : Command(name, summary)
{
    /// <summary>Examples, formats and exit codes, shown below the options.</summary>
    public string Details { get; } = details;
}

/// <summary>The usual help of a command, with its details below.</summary>
internal sealed class HelpWithDetails(HelpAction help, string rootDetails) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public static void Install(RootCommand root, string rootDetails)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpWithDetails((HelpAction)option.Action!, rootDetails);
    }

    public override int Invoke(ParseResult parseResult)
    {
        int result = help.Invoke(parseResult);
        string? details = parseResult.CommandResult.Command switch
        {
            RootCommand => rootDetails,
            DetailedCommand command => command.Details,
            _ => null,
        };
        if (details is not null)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(details);
        }

        return result;
    }
}

using System.CommandLine;

namespace Millrace.Cli.Commands;

/// <summary>Options that several commands share.</summary>
internal static class CommonOptions
{
    public static Option<bool> Json { get; } = new("--json") { Description = "Write the result as one line of JSON." };
}

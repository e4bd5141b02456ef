using System.Diagnostics;
using Millrace.Cli;

namespace Millrace.Tests.Cli;

/// <summary>What one run of the command line gave.</summary>
internal sealed record CommandLineResult(int ExitCode, string Output, string Error);

/// <summary>Runs the command line: in this process with captured output, or as a process of its own.</summary>
internal static class CommandLine
{
    public static Task<CommandLineResult> RunAsync(params string[] arguments) => RunUntilAsync(arguments, TestContext.Current.CancellationToken);

    public static async Task<CommandLineResult> RunUntilAsync(string[] arguments, CancellationToken cancellationToken)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        int exitCode = await CommandTree.RunAsync(arguments, new Terminal(output, error, interactive: false), cancellationToken);
        return new CommandLineResult(exitCode, output.ToString(), error.ToString());
    }

    public static async Task<CommandLineResult> RunProcessAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using Process process = Start(environment, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new CommandLineResult(process.ExitCode, await output, await error);
    }

    public static Process Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Millrace.Cli.dll");
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}

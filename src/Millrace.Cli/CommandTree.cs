using System.CommandLine;
using System.CommandLine.Invocation;
using Millrace.Cli.Commands;

namespace Millrace.Cli;

/// <summary>The command line as a whole: parse, run, and turn whatever goes wrong into one sentence and an exit code.</summary>
internal static class CommandTree
{
    private const string Details = """
        Examples:
          millrace stream                                                     a demo: millrace-demo.webp
          millrace stream --input clip.mp4 --output out.mp4 --prompt "a red fruit"
          millrace generate --prompt "a smiling cat" --output cat.png
          millrace doctor                                                     what this machine offers and lacks

        Exit codes: 0 done; 1 a check failed; 2 wrong arguments; 3 an input file or a model is bad;
        4 the machine lacks something (libtorch, ffmpeg, memory, disk space); 130 cancelled.
        """;

    private static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "On an error, print its stack trace too.",
        Recursive = true,
    };

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        ParseResult parsed = Create(terminal).Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            terminal.Note($"{parsed.Errors[0].Message} See \"{CommandPath(parsed)} --help\".");
            return ExitCode.BadArguments;
        }

        try
        {
            var configuration = new InvocationConfiguration
            {
                Output = terminal.Output,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken);
        }
        catch (Exception error)
        {
            (int exitCode, string sentence) = Failure.Explain(error);
            terminal.Note(parsed.GetValue(Verbose) ? error.ToString() : sentence);
            return exitCode;
        }
    }

    private static RootCommand Create(Terminal terminal)
    {
        var root = new RootCommand("Millrace turns a stream of frames and prompts into a stream of generated frames.")
        {
            Verbose,
            StreamCommand.Create(terminal),
            GenerateCommand.Create(terminal),
            TrainCommand.Create(terminal),
            EvaluateCommand.Create(terminal),
            JudgeCommand.Create(terminal),
            ServeCommand.Create(terminal),
            ModelsCommand.Create(terminal),
            InspectCommand.Create(terminal),
            ConvertCommand.Create(terminal),
            QuantizeCommand.Create(terminal),
            VerifyCommand.Create(terminal),
            BenchCommand.Create(terminal),
            RecipeCommand.Create(terminal),
            DoctorCommand.Create(terminal),
        };
        root.HelpName = "millrace";
        HelpWithDetails.Install(root, Details);
        root.SetAction(_ => root.Parse("--help").Invoke(new InvocationConfiguration { Output = terminal.Output }));
        return root;
    }

    private static string CommandPath(ParseResult parsed)
    {
        var names = new List<string>();
        for (Symbol? symbol = parsed.CommandResult.Command; symbol is Command and not RootCommand; symbol = symbol.Parents.FirstOrDefault())
        {
            names.Insert(0, symbol.Name);
        }

        return string.Join(' ', names.Prepend("millrace"));
    }
}

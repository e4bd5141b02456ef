using System.CommandLine;
using Millrace.Benchmarks;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>millrace bench: the figures of the README.</summary>
internal static class BenchCommand
{
    private const string Summary = "Measure the streaming engine on this machine.";

    private const string StreamDetails = """
        Measures, in one process and one run, medians after warm-up: the whole engine against the plain pipeline that one writes
        first (one frame at a time, 50 DDIM steps, full guidance, the same weights), guidance self against full, the stream batch
        against the sequential loop, the similarity filter on a clip with 70 % still frames, float32 against bfloat16, and the
        share of the machine's own arithmetic ceiling that the network call reaches.

        Without --model: the shipped model, then a random U-Net of 24 M parameters at 256 x 256. Takes a few minutes.
        """;

    public static Command Create(Terminal terminal)
    {
        var command = new Command("bench", Summary);
        command.Add(CreateStream(terminal));
        return command;
    }

    private static DetailedCommand CreateStream(Terminal terminal)
    {
        var model = new Option<string?>("--model", "-m") { Description = "Measure this model only.", HelpName = "DIR" };
        var threads = new Option<int?>("--threads") { Description = "Threads of one operator; without it, one a core.", HelpName = "N" };
        var command = new DetailedCommand("stream", "Measure the streaming engine against the plain pipeline, and its tricks one by one.", StreamDetails) { model, threads, CommonOptions.Json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                string? folder = parsed.GetValue(model) is { } named ? ModelCatalog.Find(named) : null;
                LibTorch.Load();
                Run(folder, parsed.GetValue(threads), parsed.GetValue(CommonOptions.Json), terminal, cancellationToken);
                return ExitCode.Success;
            },
            cancellationToken));
        return command;
    }

    private static void Run(string? folder, int? threads, bool json, Terminal terminal, CancellationToken cancellationToken)
    {
        if (threads is { } count)
        {
            set_num_threads(count);
        }

        var progress = new Notes(terminal);
        List<StreamBenchmarkReport> reports = [StreamBenchmark.RunFolder(folder ?? ModelCatalog.Find(ModelCatalog.DefaultModel), progress, cancellationToken)];
        if (folder is null)
        {
            reports.Add(StreamBenchmark.RunRandom(progress, cancellationToken));
        }

        if (json)
        {
            terminal.WriteJson(new { reports });
            return;
        }

        foreach (string line in reports.SelectMany(report => report.Lines()))
        {
            terminal.WriteLine(line);
        }
    }

    private sealed class Notes(Terminal terminal) : IProgress<string>
    {
        public void Report(string value) => terminal.Note(value);
    }
}

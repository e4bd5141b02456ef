using System.CommandLine;
using System.Diagnostics;
using Millrace.Benchmarks;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>millrace bench: the figures of the README.</summary>
internal static class BenchCommand
{
    private const string Summary = "Measure the streaming engine, the server and the trainer on this machine.";

    private const string StreamDetails = """
        Measures, in one process and one run, medians after warm-up: the whole engine against the plain pipeline that one writes
        first (one frame at a time, 50 DDIM steps, full guidance, the same weights), guidance self against full, the stream batch
        against the sequential loop, the similarity filter on a clip with 70 % still frames, float32 against bfloat16, and the
        share of the machine's own arithmetic ceiling that the network call reaches.

        Without --model: the shipped model, then a random U-Net of 24 M parameters at 256 x 256. Takes a few minutes.
        """;

    private const string HubDetails = """
        Measures, in one process and one run, users who share one model: each has a prompt, a seed and a clip of his own and sends
        his next frame when a picture comes back. Prints frames a second of all together, how equal the shares are, and the time
        from sending a frame to its picture. Takes a minute.
        """;

    private const string ServeDetails = """
        Starts "millrace serve" on loopback as a process of its own, and 1, 2 and 4 WebSocket clients in this one, each with a prompt,
        a seed and a clip of his own, who send the next frame when a picture comes back. Prints the time from process start to address
        and first picture; frames a second of all together; the round trip from sending a frame to having its picture; how much of it
        the frame was in the engine, and what server, wire and client add to that; and where the engine spends its time. Takes a minute.
        """;

    private const string TrainDetails = """
        Measures, in one process and one run, step by step in turn: a step of the trainer (draws, noise levels, clipping, average of
        the weights, log, checkpoints) against forward, backward and libtorch's AdamW alone, on a U-Net of the shipped model's size;
        and what gradient checkpointing saves of memory and costs of time. Takes a minute.
        """;

    private const string Int8Details = """
        Measures, in one process and one run, calls in turn, medians: integer layers against libtorch's float32 on single layers, network
        calls, the autoencoder and a stream of four steps, and how far their results are apart. The model is quantized on a few rows of
        its own, for the measurement alone; "millrace quantize" takes more.

        Without --model: the shipped model, then a random U-Net of 24 M parameters at 256 x 256. Takes a few minutes.
        """;

    private static readonly TimeSpan ServeMeasured = TimeSpan.FromSeconds(6);

    public static Command Create(Terminal terminal)
    {
        var command = new Command("bench", Summary);
        command.Add(CreateStream(terminal));
        command.Add(CreateHub(terminal));
        command.Add(CreateServe(terminal));
        command.Add(CreateTrain(terminal));
        command.Add(CreateInt8(terminal));
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

    private static DetailedCommand CreateHub(Terminal terminal)
    {
        var model = new Option<string?>("--model", "-m") { Description = "Measure this model; without it, the shipped one.", HelpName = "DIR" };
        var command = new DetailedCommand("hub", "Measure 1, 2, 4 and 8 users who share one model.", HubDetails) { model, CommonOptions.Json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            async () =>
            {
                string folder = ModelCatalog.Find(parsed.GetValue(model) ?? ModelCatalog.DefaultModel);
                LibTorch.Load();
                Write(terminal, parsed.GetValue(CommonOptions.Json), await HubBenchmark.RunAsync(folder, new Notes(terminal), cancellationToken), report => report.Lines());
                return ExitCode.Success;
            },
            cancellationToken));
        return command;
    }

    private static DetailedCommand CreateServe(Terminal terminal)
    {
        var model = new Option<string?>("--model", "-m") { Description = "Serve this model; without it, the shipped one.", HelpName = "DIR" };
        var command = new DetailedCommand("serve", "Measure the server's start, and 1, 2 and 4 clients over loopback.", ServeDetails) { model, CommonOptions.Json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string named = parsed.GetValue(model) ?? ModelCatalog.DefaultModel;
            string data = Directory.CreateTempSubdirectory("millrace-").FullName;
            try
            {
                var server = new ProcessStartInfo("dotnet", [typeof(BenchCommand).Assembly.Location, "serve", ModelCatalog.Find(named), "--port", "0", "--data", data]);
                string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(named));
                ServeBenchmarkReport report = await ServeBenchmark.RunAsync(server, name, ServeMeasured, new Notes(terminal), cancellationToken);
                Write(terminal, parsed.GetValue(CommonOptions.Json), report, one => one.Lines());
                return ExitCode.Success;
            }
            finally
            {
                Directory.Delete(data, recursive: true);
            }
        });
        return command;
    }

    private static DetailedCommand CreateTrain(Terminal terminal)
    {
        var command = new DetailedCommand("train", "Measure what the trainer costs beyond forward, backward and optimizer.", TrainDetails) { CommonOptions.Json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                LibTorch.Load();
                Write(terminal, parsed.GetValue(CommonOptions.Json), TrainerBenchmark.Run(new Notes(terminal), cancellationToken), report => report.Lines());
                return ExitCode.Success;
            },
            cancellationToken));
        return command;
    }

    private static DetailedCommand CreateInt8(Terminal terminal)
    {
        var model = new Option<string?>("--model", "-m") { Description = "Measure this model only; \"random\" for the random one.", HelpName = "DIR" };
        var command = new DetailedCommand("int8", "Measure integer layers against float32.", Int8Details) { model, CommonOptions.Json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                string? named = parsed.GetValue(model);
                string?[] folders = named == "random" ? [null] : named is null ? [ModelCatalog.Find(ModelCatalog.DefaultModel), null] : [ModelCatalog.Find(named)];
                LibTorch.Load();
                List<Int8BenchmarkReport> reports = [.. folders.Select(folder => Int8Benchmark.Run(folder, new Notes(terminal), cancellationToken))];
                Write(terminal, parsed.GetValue(CommonOptions.Json), new { reports }, _ => reports.SelectMany(report => report.Lines()));
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

        Write(terminal, json, new { reports }, _ => reports.SelectMany(report => report.Lines()));
    }

    private static void Write<TReport>(Terminal terminal, bool json, TReport report, Func<TReport, IEnumerable<string>> lines)
        where TReport : notnull
    {
        if (json)
        {
            terminal.WriteJson(report);
            return;
        }

        foreach (string line in lines(report))
        {
            terminal.WriteLine(line);
        }
    }
}

using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Compression.Quantization;
using Millrace.Runtime;

namespace Millrace.Cli.Commands;

/// <summary>millrace quantize: integer layers for a model.</summary>
internal static class QuantizeCommand
{
    private const string Summary = "Quantize a model to int8 on what it samples itself.";

    private const string Details = """
        Samples the model, keeps of each sampling what the network was asked at one of its steps, finds by these rows the ranges of the
        weights and of what enters each layer, and writes the layers that are worth it in integers. No data is needed. OUT is an
        addition to the model, not a copy of it: use both together.

        Examples:
          millrace quantize emoji emoji-int8.safetensors
          millrace stream --model emoji --quantized emoji-int8.safetensors
          millrace quantize ./sd15 sd15-int8.safetensors --calibration 128 --prompts prompts.txt

        Weights of seven bits mostly take the faster path of processors with AVX2 alone.
        """;

    private static readonly Argument<string> Model = new("MODEL") { Description = "A model folder, a single file, or the name of a model." };

    private static readonly Argument<string> Output = new("OUT") { Description = "The file, .safetensors." };

    private static readonly Option<int> Calibration = new Option<int>("--calibration")
    {
        Description = "Calibration rows, each from a sampling of its own; at least 16.",
        DefaultValueFactory = _ => new ModelQuantizationOptions().Rows,
        HelpName = "ROWS",
    }.Whole(1);

    private static readonly Option<string?> Prompts = new("--prompts") { Description = "A text file with a prompt on each line; without it, simple subjects, or all classes.", HelpName = "FILE" };

    private static readonly Option<int> Steps = new Option<int>("--steps")
    {
        Description = "Steps of the samplings.",
        DefaultValueFactory = _ => new ModelQuantizationOptions().Steps,
        HelpName = "N",
    }.Whole(1);

    private static readonly Option<int> WeightBits = new Option<int>("--weight-bits")
    {
        Description = "Bits of a weight, 2 to 8.",
        DefaultValueFactory = _ => new QuantizationOptions().WeightBits,
        HelpName = "N",
    }.Whole(UniformQuantizer.LeastBits);

    private static readonly Option<bool> NetworkOnly = new("--network-only") { Description = "Leave the autoencoder as it is." };

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("quantize", Summary, Details) { Model, Output, Calibration, Prompts, Steps, WeightBits, NetworkOnly, StreamOptionSet.Seed, ModelOptionSet.Tokenizer, ModelOptionSet.Prediction };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string output = parsed.GetRequiredValue(Output);
        if (!output.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"OUT must end in .safetensors, got \"{output}\".");
        }

        var options = new ModelQuantizationOptions
        {
            Rows = parsed.GetValue(Calibration),
            Steps = parsed.GetValue(Steps),
            Prompts = parsed.GetValue(Prompts) is { } file ? [.. (await File.ReadAllLinesAsync(file, cancellationToken)).Where(line => line.Length > 0)] : [],
            Seed = parsed.GetValue(StreamOptionSet.Seed),
            Autoencoder = !parsed.GetValue(NetworkOnly),
            Layers = new QuantizationOptions { WeightBits = parsed.GetValue(WeightBits) },
        };
        options.Validate();
        string path = ModelCatalog.Find(parsed.GetRequiredValue(Model));
        LibTorch.Load();
        using DiffusionModel model = Checkpoint.Load(path, ModelOptionSet.Options(parsed));
        using QuantizedModel quantized = await ProgressDisplay.RunAsync(terminal, "rows", 2L * options.Rows, TimeProvider.System, done => Task.Run(
            () => ModelQuantizer.Quantize(model, options, done, cancellationToken), CancellationToken.None));
        quantized.Save(output);
        foreach ((string part, QuantizedNetwork network) in quantized.Networks)
        {
            terminal.WriteLine($"{part}: {network.Layers.Count} layers, weights of {network.WeightBits} bits, {network.Bytes / 1e6:0.0} MB");
        }

        terminal.WriteLine(output);
        return ExitCode.Success;
    }
}

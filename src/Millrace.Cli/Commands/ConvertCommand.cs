using System.CommandLine;
using Millrace.Checkpoints;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>millrace convert: weights from one form into another.</summary>
internal static class ConvertCommand
{
    private const string Summary = "Convert weights between single files and folders, and from pickles to safetensors.";

    private const string Details = """
        Examples:
          millrace convert v1-5-pruned-emaonly.ckpt ./sd15 --tokenizer ./other-sd15
          millrace convert ./sdxl sdxl.safetensors --precision fp16
          millrace convert sd21.safetensors ./sd21 --prediction v --tokenizer ./clip
          millrace convert embedding.pt embedding.safetensors

        An output that ends in .safetensors is a single file, any other a folder in the diffusers format. Families: Stable
        Diffusion 1.x and 2.x, SDXL and its refiner, Stable Diffusion 3, FLUX.1. What no network of a folder takes (averages,
        tables of training) is kept beside them, so that the way back gives every tensor again. Pickles are read by a reader that
        can make tensors and nothing else. The output is whole or absent, also after Ctrl-C.
        """;

    private const long Megabyte = 1_000_000;

    private static readonly Argument<string> Input = new("input") { Description = "A file of weights (.safetensors, .ckpt, .pth, .pt, .bin) or a model folder.", HelpName = "INPUT" };

    private static readonly Argument<string> Output = new("output") { Description = "A file ending in .safetensors, or a folder; it must not exist yet.", HelpName = "OUTPUT" };

    private static readonly Option<StoredPrecision?> Precision = new Option<StoredPrecision?>("--precision") { Description = "Type of the stored weights; without it they keep their own, and 8-bit ones become fp16." }.AmongNames();

    private enum StoredPrecision
    {
        Fp32,
        Fp16,
        Bf16,
    }

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("convert", Summary, Details) { Input, Output, Precision, ModelOptionSet.Tokenizer, ModelOptionSet.Prediction };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string input = parsed.GetValue(Input)!, output = parsed.GetValue(Output)!;
        var report = CheckpointReport.Of(input);
        var options = new ConversionOptions
        {
            Precision = PrecisionOf(parsed),
            TokenizerPath = parsed.GetValue(ModelOptionSet.Tokenizer),
            Prediction = ModelOptionSet.PredictionOf(parsed),
        };
        long total = options.Precision is { } precision ? report.Parts.Sum(part => part.Parameters) * (precision == ScalarType.Float32 ? 4 : 2) : report.Bytes;
        await ProgressDisplay.RunAsync(terminal, "MB", total / Megabyte, TimeProvider.System, done => Task.Run(
            () =>
            {
                CheckpointConversion.Convert(input, output, options, new Megabytes(done), cancellationToken);
                return true;
            },
            CancellationToken.None));
        terminal.WriteLine(output);
        if (Directory.Exists(output) && options.TokenizerPath is null)
        {
            terminal.Note($"{output} holds no tokenizer, as the single file held none: put those of a folder of the same family beside, or convert again with --tokenizer.");
        }

        return ExitCode.Success;
    }

    private static ScalarType? PrecisionOf(ParseResult parsed) => parsed.GetValue(Precision) switch
    {
        StoredPrecision.Fp32 => ScalarType.Float32,
        StoredPrecision.Fp16 => ScalarType.Float16,
        StoredPrecision.Bf16 => ScalarType.BFloat16,
        _ => null,
    };

    private sealed class Megabytes(IProgress<long> done) : IProgress<long>
    {
        public void Report(long value) => done.Report(value / Megabyte);
    }
}

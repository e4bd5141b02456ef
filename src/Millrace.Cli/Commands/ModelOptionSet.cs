using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>The options that choose and load a model.</summary>
internal static class ModelOptionSet
{
    private enum Precision
    {
        Fp32,
        Bf16,
        Auto,
    }

    public static Option<string> Model { get; } = new("--model", "-m")
    {
        Description = "A model folder in the diffusers format, or the name of one that \"millrace models\" lists.",
        DefaultValueFactory = _ => ModelCatalog.DefaultModel,
        HelpName = "DIR",
    };

    private static Option<string?> TinyAutoencoder { get; } = new("--tiny-autoencoder")
    {
        Description = "A folder with a tiny autoencoder (TAESD) to use in place of the model's own: much faster.",
        HelpName = "DIR",
    };

    private static Option<Precision> Arithmetic { get; } = new Option<Precision>("--precision")
    {
        Description = "Arithmetic of the networks; auto times both on this machine and takes the faster.",
        DefaultValueFactory = _ => Precision.Auto,
    }.AmongNames();

    private static Option<int?> Threads { get; } = new Option<int?>("--threads") { Description = "Threads of one operator; without it, one a core.", HelpName = "N" }.Whole(1);

    public static IEnumerable<Option> All => [Model, TinyAutoencoder, Arithmetic, Threads];

    /// <summary>Loads libtorch and the chosen model.</summary>
    public static DiffusionModel Load(ParseResult parsed)
    {
        string folder = ModelCatalog.Find(parsed.GetValue(Model)!);
        LibTorch.Load();
        return LoadTensors(folder, parsed);
    }

    /// <summary>Arithmetic of the networks.</summary>
    public static ScalarType PrecisionOf(ParseResult parsed) => parsed.GetValue(Arithmetic) switch
    {
        Precision.Bf16 => ScalarType.BFloat16,
        Precision.Fp32 => ScalarType.Float32,
        _ => InferencePrecision.Measure(),
    };

    private static DiffusionModel LoadTensors(string folder, ParseResult parsed)
    {
        if (parsed.GetValue(Threads) is { } threads)
        {
            set_num_threads(threads);
        }

        DiffusionModel model = DiffusersFolder.Load(folder, new LoadOptions { TinyAutoencoderPath = parsed.GetValue(TinyAutoencoder) });
        model.PrepareForInference(PrecisionOf(parsed));
        return model;
    }
}

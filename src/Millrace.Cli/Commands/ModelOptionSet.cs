using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Compression.Quantization;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>The options that choose and load a model.</summary>
internal static class ModelOptionSet
{
    /// <summary>What a network predicts, where its file does not tell.</summary>
    public enum NetworkPrediction
    {
        Epsilon,
        V,
    }

    private enum Precision
    {
        Fp32,
        Bf16,
        Auto,
    }

    public static Option<string> Model { get; } = new("--model", "-m")
    {
        Description = "A model folder in the diffusers format, a single file (.safetensors, .ckpt), or the name of a folder that \"millrace models\" lists.",
        DefaultValueFactory = _ => ModelCatalog.DefaultModel,
        HelpName = "DIR|FILE",
    };

    public static Option<string?> Tokenizer { get; } = new("--tokenizer")
    {
        Description = "For a single file, which holds none: a folder with the tokenizers, a model folder of the same family or the tokenizer's own.",
        HelpName = "DIR",
    };

    public static Option<NetworkPrediction?> Prediction { get; } = new Option<NetworkPrediction?>("--prediction")
    {
        Description = "For a single file: what its network predicts. Stable Diffusion 2.x does not tell; other families do.",
    }.AmongNames();

    private static Option<string?> TinyAutoencoder { get; } = new("--tiny-autoencoder")
    {
        Description = "A folder with a tiny autoencoder (TAESD) to use in place of the model's own: much faster.",
        HelpName = "DIR",
    };

    private static Option<IReadOnlyList<LoraWord>> Lora { get; } = new("--lora")
    {
        Description = "A LoRA (.safetensors, in the key style of diffusers, kohya or PEFT) and its scale, such as ink.safetensors:0.8; can be given many times.",
        CustomParser = LoraWord.Parse,
        DefaultValueFactory = _ => [],
        HelpName = "FILE[:SCALE]",
    };

    private static Option<IReadOnlyList<EmbeddingWord>> Embedding { get; } = new("--embedding")
    {
        Description = "A textual inversion (.safetensors, .pt, .bin) and the word that stands for it in prompts, such as ink.pt:ink-style; without one, the file's. Can be given many times.",
        CustomParser = EmbeddingWord.Parse,
        DefaultValueFactory = _ => [],
        HelpName = "FILE[:WORD]",
    };

    private static Option<string?> Quantized { get; } = new("--quantized")
    {
        Description = "Integer layers (.safetensors) that \"millrace quantize\" made of this model: they compute in int8, the rest in --precision.",
        HelpName = "FILE",
    };

    private static Option<Precision> Arithmetic { get; } = new Option<Precision>("--precision")
    {
        Description = "Arithmetic of the networks; auto times both on this machine and takes the faster.",
        DefaultValueFactory = _ => Precision.Auto,
    }.AmongNames();

    private static Option<int?> Threads { get; } = new Option<int?>("--threads") { Description = "Threads of one operator; without it, one a core.", HelpName = "N" }.Whole(1);

    public static IEnumerable<Option> All => [Model, Tokenizer, Prediction, TinyAutoencoder, Lora, Embedding, Quantized, Arithmetic, Threads];

    /// <summary>Loads libtorch, and the chosen model once <paramref name="check"/> has seen its shapes and lets it pass.</summary>
    public static DiffusionModel Load(ParseResult parsed, Action<DiffusionModel> check)
    {
        string path = ModelCatalog.Find(parsed.GetValue(Model)!);
        LibTorch.Load();
        return LoadTensors(path, parsed, check);
    }

    /// <summary>Bytes of a number that the networks compute, at most.</summary>
    public static int BytesPerNumber(ParseResult parsed) => parsed.GetValue(Arithmetic) == Precision.Bf16 ? 2 : 4;

    /// <summary>How a model is loaded.</summary>
    public static LoadOptions Options(ParseResult parsed) => new()
    {
        TinyAutoencoderPath = parsed.GetValue(TinyAutoencoder),
        TokenizerPath = parsed.GetValue(Tokenizer),
        Prediction = PredictionOf(parsed),
    };

    /// <summary>What the network of a single file predicts; null where nobody says.</summary>
    public static PredictionType? PredictionOf(ParseResult parsed) => parsed.GetValue(Prediction) switch
    {
        NetworkPrediction.Epsilon => PredictionType.Epsilon,
        NetworkPrediction.V => PredictionType.VPrediction,
        _ => null,
    };

    /// <summary>Arithmetic of the networks.</summary>
    public static ScalarType PrecisionOf(ParseResult parsed) => parsed.GetValue(Arithmetic) switch
    {
        Precision.Bf16 => ScalarType.BFloat16,
        Precision.Fp32 => ScalarType.Float32,
        _ => InferencePrecision.Measure(),
    };

    private static DiffusionModel LoadTensors(string path, ParseResult parsed, Action<DiffusionModel> check)
    {
        LoadOptions options = Options(parsed);
        using (DiffusionModel survey = Checkpoint.Survey(path, options))
        {
            check(survey);
        }

        if (parsed.GetValue(Threads) is { } threads)
        {
            set_num_threads(threads);
        }

        DiffusionModel model = Checkpoint.Load(path, options);
        try
        {
            foreach (LoraWord lora in parsed.GetValue(Lora)!)
            {
                model.Loras.Add(lora.Path, lora.Scale);
            }

            foreach (EmbeddingWord embedding in parsed.GetValue(Embedding)!)
            {
                model.TextualInversions.Add(embedding.Path, embedding.Token);
            }

            if (parsed.GetValue(Quantized) is { } quantized)
            {
                using QuantizedModel integers = QuantizedModel.Load(quantized);
                integers.UseIn(model);
            }

            model.PrepareForInference(PrecisionOf(parsed));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}

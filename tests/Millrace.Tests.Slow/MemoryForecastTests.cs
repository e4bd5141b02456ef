using System.Runtime.InteropServices;
using Millrace.Checkpoints;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Pipelines;
using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Tests.Slow;

/// <summary>Resident memory of loading and drawing, against what was promised before anything was allocated.</summary>
public sealed class MemoryForecastTests(ITestOutputHelper output) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("millrace-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    public void Loading_takes_the_weights_and_drawing_what_was_forecast(ScalarType stored)
    {
        WriteModel(_folder.FullName, stored);
        double weights;
        MemoryForecast forecast;
        using (DiffusionModel survey = Checkpoint.Survey(_folder.FullName))
        {
            forecast = MemoryForecast.Of(survey, 512, 512, pictures: 1, rows: 2);
            weights = forecast.WeightBytes;
        }

        long before = Resident();
        (DiffusionModel model, long loading) = Peak(() => Checkpoint.Load(_folder.FullName));
        using DiffusionModel loaded = model;
        output.WriteLine($"weights {weights / 1e6:0} MB, peak of loading {(loading - before) / 1e6:0} MB: {(loading - before) / weights:0.000}");
        Assert.InRange((loading - before) / weights, 0.9, 1.15);

        double network = MemoryForecast.Of(model, 512, 512, pictures: 0, rows: 2).ActivationBytes;
        long resident = Resident();
        (_, long predicting) = Peak(() => Predict(model));
        output.WriteLine($"forecast of the network {network / 1e6:0} MB, peak {(predicting - resident) / 1e6:0} MB");
        Assert.InRange(predicting - resident, 0.2 * network, network);

        resident = Resident();
        var options = new GenerationOptions { Width = 512, Height = 512, Steps = 1, GuidanceScale = 5 };
        (_, long drawing) = Peak(() => TextToImage.Generate(model, "a red car", options, 1).Single());
        output.WriteLine($"forecast {forecast.ActivationBytes / 1e6:0} MB, peak of drawing {(drawing - resident) / 1e6:0} MB");
        Assert.InRange(drawing - resident, 0.2 * forecast.ActivationBytes, forecast.ActivationBytes);
    }

    private static void WriteModel(string path, ScalarType stored)
    {
        using IDisposable noGrad = no_grad();
        using var random = new Generator(1);
        var unet = new UNet2DConditionOptions { BlockOutChannels = [192, 384, 768, 768] };
        using var parts = new StableDiffusionParts(
            new UNet2DConditionModel(unet).Initialize(random), new AutoencoderTiny(new AutoencoderTinyOptions()).Initialize(random),
            new ClipTextModel(new ClipTextOptions { NumHiddenLayers = 2, VocabSize = 530, EosTokenId = 529 }).Initialize(random),
            ClipTokenizerTrainer.Train(["a red car"], 530), new VariancePreservingProcess(), PredictionType.Epsilon);
        DiffusersFolder.Save(path, parts, stored);
        using AutoencoderKL autoencoder = new AutoencoderKL(new AutoencoderKLOptions()).Initialize(random);
        File.WriteAllText(Path.Combine(path, "vae", "config.json"), """
            {
              "_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
              "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
              "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
            }
            """);
        SafetensorsWriter.Write(Path.Combine(path, "vae", "diffusion_pytorch_model.safetensors"), autoencoder.state_dict(), precision: stored);
        string index = Path.Combine(path, "model_index.json");
        File.WriteAllText(index, File.ReadAllText(index).Replace("AutoencoderTiny", "AutoencoderKL", StringComparison.Ordinal));
    }

    private static bool Predict(DiffusionModel model)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return model.Network.Predict(randn(2, 4, 64, 64), full([2], 500f), new Conditioning(randn(2, 77, 768))).numel() > 0;
    }

    private static (T Made, long Peak) Peak<T>(Func<T> work)
    {
        long peak = 0;
        using var timer = new Timer(_ => peak = Math.Max(peak, Environment.WorkingSet), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(2));
        T made = work();
        return (made, Math.Max(peak, Environment.WorkingSet));
    }

    [DllImport("libc")]
    private static extern int malloc_trim(nuint pad);

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        _ = malloc_trim(0); // What an earlier test freed would else be taken again, unseen.
        return Environment.WorkingSet;
    }
}

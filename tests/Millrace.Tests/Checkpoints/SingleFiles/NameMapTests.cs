using Millrace.Checkpoints;
using Millrace.Checkpoints.SingleFiles;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Checkpoints.SingleFiles;

/// <summary>The names of single files and of folders, on the full lists of every family.</summary>
public sealed class NameMapTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Lists => [.. KeyList.Names];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Lists))]
    public void From_a_file_to_a_folder_and_back_every_tensor_keeps_its_bytes(string list)
    {
        using var scope = NewDisposeScope();
        string single = _folder.File("single.safetensors"), folder = _folder.File("folder"), again = _folder.File("again.safetensors");
        KeyList.WriteScaled(list, single);
        CheckpointConversion.Convert(single, folder, new ConversionOptions { Prediction = PredictionType.VPrediction }, cancellationToken: TestContext.Current.CancellationToken);
        CheckpointConversion.Convert(folder, again, cancellationToken: TestContext.Current.CancellationToken);
        using var before = TensorFile.Open(single);
        using var after = TensorFile.Open(again);

        Assert.Equal(before.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal), after.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.All(before.Entries, entry =>
        {
            using var inner = NewDisposeScope();
            Assert.Equal(entry.Shape, after[entry.Name].Shape);
            Assert.Equal(entry.Type, after[entry.Name].Type);
            Assert.True(before.Read(entry.Name).Equals(after.Read(entry.Name)), entry.Name);
        });
    }

    [Theory]
    [MemberData(nameof(Lists))]
    public void The_folder_holds_what_the_networks_demand(string list)
    {
        Assert.SkipWhen(list == "sd35-medium", "its transformer attends to the picture twice in some layers, which is not computed here");
        using var single = SingleFile.Of(KeyList.Open(list));
        single.WriteFrame(_folder.Path, null, PredictionType.VPrediction);

        Assert.NotEmpty(single.Parts);
        Assert.All(single.Parts, part =>
        {
            using Module network = Build(part.Form.Class.Name, Path.Combine(_folder.Path, part.Form.Folder, "config.json"));
            using var files = WeightFiles.Of(part.Tensors);
            files.CheckFit(network);
        });
    }

    [Theory]
    [InlineData("sd1", CheckpointKind.StableDiffusion1, 14)]
    [InlineData("sd2", CheckpointKind.StableDiffusion2, 12 + 1 + 1 + 12)]
    [InlineData("sdxl", CheckpointKind.StableDiffusionXL, 1)]
    [InlineData("sdxl-refiner", CheckpointKind.StableDiffusionXLRefiner, 1)]
    [InlineData("sd3-medium", CheckpointKind.StableDiffusion3, 0)]
    [InlineData("flux-dev", CheckpointKind.FluxDev, 0)]
    [InlineData("flux-schnell", CheckpointKind.FluxSchnell, 0)]
    public void The_family_is_told_from_names_and_little_is_left_over(string list, CheckpointKind kind, int rest)
    {
        using var single = SingleFile.Of(KeyList.Open(list));

        Assert.Equal(kind, single.Family.Kind);
        Assert.InRange(single.Rest.Count, 0, rest);
    }

    private static Module Build(string name, string config)
    {
        var meta = new TensorOptions(ScalarType.Float32, META);
        return name switch
        {
            "UNet2DConditionModel" => new UNet2DConditionModel(UNet2DConditionConfig.Read(config), meta),
            "AutoencoderKL" => new AutoencoderKL(AutoencoderKLConfig.Read(config), meta),
            "SD3Transformer2DModel" => new SD3Transformer2DModel(TransformerConfig.ReadStableDiffusion3(config), meta),
            "FluxTransformer2DModel" => new FluxTransformer2DModel(TransformerConfig.ReadFlux(config), meta),
            "T5EncoderModel" => new T5EncoderModel(T5Config.Read(config), meta),
            _ => new ClipTextModel(ClipTextConfig.Read(config), meta),
        };
    }
}

using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Pipelines;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Pipelines;

/// <summary>Every family loads from a folder and draws.</summary>
public sealed class FamilyTests(TinyFolderFixture folders) : IClassFixture<TinyFolderFixture>
{
    private static readonly GenerationOptions Options = new() { Width = 16, Height = 16, Steps = 3, Seed = 5 };

    public static TheoryData<string> Names => [.. TinyFolders.FromPrompt];

    [Theory]
    [MemberData(nameof(Names))]
    public void It_draws_and_the_seed_decides_whatever_the_batch(string name)
    {
        DiffusionModel model = folders.Model(name);
        string prompt = Prompt(name);
        Frame[] one = [.. TextToImage.Generate(model, prompt, Options)];
        Frame[] three = [.. TextToImage.Generate(model, prompt, Options with { Batch = 2 }, count: 3)];

        Assert.Equal((16, 16), (one[0].Width, one[0].Height));
        Assert.Equal([0L, 1, 2], three.Select(frame => frame.Id));
        Assert.True(Difference(one[0], three[0]) <= 1);
        Assert.True(Difference(three[0], three[1]) > 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_it_is_asked_for_changes_the_picture(string name)
    {
        DiffusionModel model = folders.Model(name);
        if (model.Family == ModelFamily.Unconditional)
        {
            Assert.Throws<ArgumentException>(() => TextToImage.Generate(model, "a red car", Options).ToArray());
            return;
        }

        using var scope = NewDisposeScope();
        Conditioning car = model.TextEncoder.Encode([Prompt(name)]), nothing = model.TextEncoder.Encode([""]);
        Tensor Latents(Conditioning conditioning) => model.Denoiser.Predict(
            ones(1, model.Autoencoder.LatentChannels, 8, 8), tensor([500f]), model.EmbedsGuidance ? conditioning with { Guidance = tensor([3f]) } : conditioning);
        Assert.True(Latents(car).Minus(Latents(nothing)).abs().max().item<float>() > 1e-6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_computes_in_bfloat16_and_leaves_no_tensor_behind(string name)
    {
        using DiffusionModel model = DiffusersFolder.Load(folders.Folder(name));
        Assert.Contains("bfloat16", model.PrepareForInference(ScalarType.BFloat16));
        void Draw() => Assert.Single(TextToImage.Generate(model, Prompt(name), Options with { Steps = 2 }));
        Living.StaysConstant(Draw, repeats: 3);
    }

    [Theory]
    [InlineData("sd", ModelFamily.StableDiffusion, 8, 2)]
    [InlineData("sdxl", ModelFamily.StableDiffusionXL, 8, 2)]
    [InlineData("sdxl-refiner", ModelFamily.StableDiffusionXLRefiner, 8, 2)]
    [InlineData("sd3", ModelFamily.StableDiffusion3, 8, 4)]
    [InlineData("flux-dev", ModelFamily.Flux, 1024, 4)]
    [InlineData("pixart-sigma", ModelFamily.PixArt, 8, 4)]
    [InlineData("dit", ModelFamily.DiT, 8, 4)]
    [InlineData("ddpm", ModelFamily.Unconditional, 8, 2)]
    public void It_knows_its_family_and_sizes(string name, ModelFamily family, int size, int multiple)
    {
        DiffusionModel model = folders.Model(name);
        Assert.Equal((family, size, multiple), (model.Family, model.DefaultSize, model.SizeMultiple));
        if (multiple > 1)
        {
            Assert.Contains($"multiples of {multiple}", Assert.Throws<ArgumentException>(
                () => TextToImage.Generate(model, "", Options with { Width = 17 })).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_cannot_be_streamed_says_why() =>
        Assert.Contains("cannot be streamed", Assert.Throws<ArgumentException>(() => folders.Model("sd-inpainting").CheckStreams()).Message, StringComparison.Ordinal);

    [Fact]
    public void An_unknown_pipeline_and_a_part_too_many_are_refused()
    {
        string folder = folders.Folder("dit");
        string index = Path.Combine(folder, "model_index.json"), content = File.ReadAllText(index);
        File.WriteAllText(index, content.Replace("DiTPipeline", "DreamPipeline", StringComparison.Ordinal));
        Assert.Contains("\"DreamPipeline\"", Assert.Throws<InvalidDataException>(() => DiffusersFolder.Load(folder)).Message, StringComparison.Ordinal);

        File.WriteAllText(index, content.Replace("DiTPipeline", "PixArtAlphaPipeline", StringComparison.Ordinal));
        Assert.Throws<InvalidDataException>(() => DiffusersFolder.Load(folder));
        File.WriteAllText(index, content);
    }

    [Fact]
    public void Classes_have_numbers_and_names()
    {
        DiffusionModel model = folders.Model("dit");
        using Conditioning classes = model.TextEncoder.Encode(["3", "Red Car", "tinca tinca", ""]);
        Assert.Equal([3L, 3, 0, 10], classes.ClassLabels!.data<long>().ToArray());
        Assert.Contains("0..9", Assert.Throws<ArgumentException>(() => model.TextEncoder.Encode(["unicorn"])).Message, StringComparison.Ordinal);
    }

    internal static string Prompt(string name) => name switch
    {
        "dit" => "3",
        "ddpm" => "",
        _ => "a red car",
    };

    internal static int Difference(Frame left, Frame right) => left.Rgb.Zip(right.Rgb, (a, b) => Math.Abs(a - b)).Max();
}

using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Models.UNets;
using Millrace.Tests.Pipelines;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Cli;

/// <summary>millrace generate with solvers, over tiny models of every family.</summary>
public sealed class GenerateWithSolverTests(TinyFolderFixture folders) : IClassFixture<TinyFolderFixture>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. TinyFolders.FromPrompt];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_family_draws(string name)
    {
        string[] prompt = name == "ddpm" ? [] : ["--prompt", FamilyTests.Prompt(name)];
        CommandLineResult result = await RunAsync(name, [.. prompt, "--steps", "2"]);

        Assert.Equal("", result.Error);
        Assert.Equal((16, 16), await SizeAsync("out.png"));
    }

    [Theory]
    [InlineData("euler")]
    [InlineData("DPM++_2M_Karras")]
    [InlineData("dpmpp-sde")]
    [InlineData("unipc-exponential")]
    [InlineData("lcm")]
    [InlineData("rk45")]
    public async Task Solvers_are_known_by_name(string solver)
    {
        string name = solver.Replace("DPM++", "dpmpp", StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("sd", "--prompt", "a red car", "--solver", name, "--steps", "4", "--guidance-scale", "3", "--guidance-rescale", "0.7", "--negative", "a cat")).ExitCode);
    }

    [Fact]
    public async Task The_solvers_are_listed()
    {
        CommandLineResult result = await CommandLine.RunAsync("generate", "--solver", "list");
        Assert.Equal(0, result.ExitCode);
        Assert.All(["euler-a", "dpmpp-2m-karras", "unipc", "ddim", "lcm", "tcd", "heun", "restart", "rk45"], name => Assert.Contains(name, result.Output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--projected-guidance", "15:-0.5")]
    [InlineData("--guidance-interval", "0.1-0.8")]
    [InlineData("--perturbed-attention", "3:mid_block,up_blocks.1")]
    public async Task Guidance_of_other_kinds_is_an_option(string option, string value)
    {
        Assert.Equal(0, (await RunAsync("sd", "--prompt", "a red car", "--steps", "2", option, value)).ExitCode);
        CommandLineResult wrong = await RunAsync("sd", "--prompt", "a red car", option, "much");
        Assert.Contains($"{option} must be", wrong.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, wrong.ExitCode);
    }

    [Fact]
    public async Task Adapters_are_shown_pictures()
    {
        await RunAsync("sd", "--prompt", "a red car", "--steps", "2", "--output", _folder.File("a.png"));
        string colour = TinyFolders.T2IAdapter(_folder.File("colour"), new() { Channels = [8, 16], ResidualBlocks = 1, DownscaleFactor = 2 });
        string grey = TinyFolders.T2IAdapter(_folder.File("grey"), new() { Channels = [8, 16], ResidualBlocks = 1, DownscaleFactor = 2, InChannels = 1 });
        CommandLineResult result = await RunAsync(
            "sd", "--prompt", "a red car", "--steps", "2", "--adapter", $"{colour}={_folder.File("a.png")}:0.5", "--adapter", $"{grey}={_folder.File("a.png")}:2:0-0.6");
        Assert.Equal("", result.Error);
        Assert.NotEqual(await File.ReadAllBytesAsync(_folder.File("a.png")), await File.ReadAllBytesAsync(_folder.File("out.png")));
        Assert.Contains("--adapter must be PATH=PICTURE", (await RunAsync("sd", "--prompt", "a", "--adapter", colour)).Error, StringComparison.Ordinal);
        Assert.Contains("image prompts and perturbed attention work on U-Nets", (await RunAsync("sd3", "--prompt", "a", "--adapter", $"{colour}={_folder.File("a.png")}")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_picture_prompts_beside_the_text()
    {
        await RunAsync("sd", "--prompt", "a red car", "--steps", "2", "--output", _folder.File("a.png"));
        string adapter = TinyFolders.IPAdapter(_folder.File("ip.safetensors"), TinyModel.ImagePrompt), picture = _folder.File("a.png");
        Task<CommandLineResult> DrawAsync(string name, string word, params string[] more) => RunAsync(name, ["--prompt", "a red car", "--steps", "2", "--image-prompt", $"{adapter}={word}", .. more]);

        Assert.Contains("name it with --image-encoder", (await DrawAsync("sd", picture)).Error, StringComparison.Ordinal);
        TinyFolders.ImageEncoder(_folder.File("image_encoder"), TinyModel.Vision);
        Assert.Equal("", (await DrawAsync("sd", $"{picture}:0")).Error);
        byte[] off = await File.ReadAllBytesAsync(_folder.File("out.png"));
        Assert.Equal(await File.ReadAllBytesAsync(picture), off);
        Assert.Equal("", (await DrawAsync("sd", $"{picture}:4", "--image-prompt", $"{adapter}={picture}:0.5:0-0.5")).Error);
        Assert.NotEqual(off, await File.ReadAllBytesAsync(_folder.File("out.png")));

        string other = TinyFolders.ImageEncoder(_folder.File("other"), TinyModel.Vision with { ProjectionDim = 6 });
        Assert.Contains("trained with another picture encoder", (await DrawAsync("sd", picture, "--image-encoder", other)).Error, StringComparison.Ordinal);
        Assert.Contains("made for another U-Net", (await DrawAsync("sdxl", picture)).Error, StringComparison.Ordinal);
        Assert.Contains("--image-encoder goes with --image-prompt", (await RunAsync("sd", "--prompt", "a", "--image-encoder", other)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_a_picture_is_filled_in_under_a_control()
    {
        await RunAsync("sd", "--prompt", "a red car", "--steps", "2", "--output", _folder.File("a.png"));
        string control = TinyFolders.ControlNet(_folder.File("control"), TinyModel.UNet);
        foreach (string name in new[] { "sd", "sd-inpainting" })
        {
            CommandLineResult result = await RunAsync(
                name, "--prompt", "a red cat", "--steps", "4", "--input", _folder.File("a.png"), "--mask", _folder.File("a.png"), "--strength", "0.8", "--control", $"{control}={_folder.File("a.png")}:0.5:0-0.6", "--count", "2", "--batch", "2");
            Assert.Equal("", result.Error);
            Assert.Equal((16, 16), await SizeAsync("out-1.png"));
        }
    }

    [Fact]
    public async Task LoRAs_change_the_picture_as_far_as_they_are_on()
    {
        const string layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v";
        using (UNet2DConditionModel network = new(TinyModel.UNet))
        using (var generator = new Generator(5))
        {
            long[] shape = network.state_dict()[layer["unet.".Length..] + ".weight"].shape;
            SafetensorsWriter.Write(_folder.File("ink.safetensors"), new Dictionary<string, Tensor>
            {
                [layer + ".lora_A.weight"] = randn([2, shape[1]], generator: generator),
                [layer + ".lora_B.weight"] = randn([shape[0], 2], generator: generator),
            });
        }

        async Task<byte[]> DrawAsync(params string[] loras)
        {
            CommandLineResult result = await RunAsync("sd", ["--prompt", "a red car", "--steps", "2", .. loras.SelectMany(lora => new[] { "--lora", _folder.File(lora) })]);
            Assert.Equal("", result.Error);
            return await File.ReadAllBytesAsync(_folder.File("out.png"), TestContext.Current.CancellationToken);
        }

        byte[] plain = await DrawAsync();
        Assert.Equal(plain, await DrawAsync("ink.safetensors:0"));
        Assert.NotEqual(plain, await DrawAsync("ink.safetensors:4", "ink.safetensors"));

        CommandLineResult other = await RunAsync("dit", "--prompt", "1", "--steps", "2", "--lora", _folder.File("ink.safetensors"));
        Assert.Contains("is a LoRA for another base", Assert.Single(other.Error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_refiner_finishes() => Assert.Equal(0, (await RunAsync(
        "sdxl", "--prompt", "a red car", "--steps", "5", "--refiner", folders.Folder("sdxl-refiner"), "--handover", "0.6")).ExitCode);

    [Fact]
    public async Task A_clip_is_drawn_by_a_motion_adapter()
    {
        string adapter = TinyFolders.MotionAdapter(_folder.File("motion"), TinyModel.UNet);
        CommandLineResult result = await RunAsync("sd", "--prompt", "a red car", "--solver", "euler", "--steps", "2", "--motion", adapter, "--frames", "5", "--output", _folder.File("clip.webp"));

        Assert.Equal("", result.Error);
        await using IFrameSource source = FrameSources.Open(_folder.File("clip.webp"));
        Frame[] frames = await source.ReadAsync(TestContext.Current.CancellationToken).ToArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal(5, frames.Length);
        Assert.Equal(TimeSpan.FromSeconds(0.125), frames[1].Timestamp);
        Assert.NotEqual(frames[0].Rgb, frames[4].Rgb);
        Assert.Contains("1 to 6 frames", (await RunAsync("sd", "--prompt", "a red car", "--motion", adapter, "--frames", "7")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sd", "--frames", "3", "--frames and --fps go with --motion")]
    [InlineData("flux-dev", "--motion", "x", "--motion works on the U-Net")]
    [InlineData("sd", "--solver", "dreams", "--solver must be one of euler, euler-a")]
    [InlineData("flux-dev", "--solver", "ddim", "--solver ddim does not run on the model 'flux-dev'")]
    [InlineData("sd", "--mask", "a.png", "--mask goes with --input")]
    [InlineData("sd", "--strength", "0.5", "--strength goes with --input")]
    [InlineData("sd", "--handover", "0.5", "--handover goes with --refiner")]
    [InlineData("sd", "--control", "folder", "--control must be PATH=PICTURE")]
    [InlineData("sd", "--guidance-rescale", "2", "GuidanceRescale must be in [0, 1], got 2")]
    [InlineData("sd", "--guidance-interval", "0.8-0.1", "0 <= start <= end <= 1, got 0.8 and 0.1")]
    [InlineData("sd-inpainting", "--steps", "0,16", "cannot be streamed")]
    [InlineData("sd", "--size", "15", "multiples of 2")]
    [InlineData("sd", "--steps", "0", "Steps must be at least 1")]
    public async Task What_cannot_be_is_refused_in_one_sentence(string name, string option, string value, string because)
    {
        CommandLineResult result = await RunAsync(name, "--prompt", "a red car", option, value);

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(because, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Options_of_streams_and_of_solvers_do_not_mix()
    {
        CommandLineResult result = await RunAsync("sd", "--prompt", "a red car", "--solver", "euler", "--guidance", "self");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--guidance is for the few steps of a stream", result.Error, StringComparison.Ordinal);
    }

    private Task<CommandLineResult> RunAsync(string name, params string[] arguments)
    {
        string[] size = arguments.Contains("--size") ? [] : ["--size", "16"], output = arguments.Contains("--output") ? [] : ["--output", _folder.File("out.png")];
        return CommandLine.RunAsync(["generate", "--model", folders.Folder(name), .. size, .. output, .. arguments]);
    }

    private async Task<(int Width, int Height)> SizeAsync(string file)
    {
        await using IFrameSource source = FrameSources.Open(_folder.File(file));
        Frame picture = await source.ReadAsync(TestContext.Current.CancellationToken).FirstAsync(TestContext.Current.CancellationToken);
        return (picture.Width, picture.Height);
    }
}

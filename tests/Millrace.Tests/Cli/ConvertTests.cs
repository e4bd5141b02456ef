using Millrace.Checkpoints;
using Millrace.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Cli;

/// <summary>millrace convert and millrace inspect.</summary>
public sealed class ConvertTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_becomes_a_file_that_draws_and_a_folder_again()
    {
        string folder = PublishedFolders.Write("sdxl", _folder.File("sdxl")), file = _folder.File("sdxl.safetensors"), again = _folder.File("again");

        Assert.Equal(new CommandLineResult(0, $"{file}\n", ""), await CommandLine.RunAsync("convert", folder, file, "--precision", "fp16"));
        Assert.Equal(new CommandLineResult(0, $"{again}\n", ""), await CommandLine.RunAsync("convert", file, again, "--tokenizer", folder));
        foreach (string[] model in new[] { new[] { file, "--tokenizer", folder }, [again] })
        {
            CommandLineResult drawn = await CommandLine.RunAsync(["generate", "--prompt", "a red car", "--steps", "1", "--size", "16", "--output", _folder.File("out.png"), "--model", .. model]);
            Assert.Equal((0, ""), (drawn.ExitCode, drawn.Error));
        }
    }

    [Fact]
    public async Task Inspect_tells_family_parts_precision_and_memory()
    {
        string folder = PublishedFolders.Write("flux-schnell", _folder.File("flux")), file = _folder.File("flux.safetensors");
        await CommandLine.RunAsync("convert", folder, file, "--precision", "bf16");
        CommandLineResult ofFile = await CommandLine.RunAsync("inspect", file), ofFolder = await CommandLine.RunAsync("inspect", folder), json = await CommandLine.RunAsync("inspect", file, "--json");

        Assert.Matches(@"^flux\.safetensors\n  family      FLUX\.1 schnell\n  form        single file, safetensors\n  parameters  0\.\d million\n  files       \d\.\d MB\n  memory      \d\.\d MB in fp32, \d\.\d MB in bf16\n\n", ofFile.Output);
        Assert.Matches(@"\n  transformer +0\.\d million +\d\.\d MB  BF16\n", ofFile.Output);
        Assert.Matches(@"\n  form        folder\n", ofFolder.Output);
        Assert.Matches(@"\n  text_encoder_2 +0\.\d million +0\.\d MB  F32\n", ofFolder.Output);
        Assert.Contains("\"kind\":\"fluxSchnell\"", json.Output);
    }

    [Fact]
    public async Task A_pickle_becomes_safetensors()
    {
        using var scope = NewDisposeScope();
        Tensor value = rand(3, 4);
        string pickle = _folder.File("embedding.pt"), file = _folder.File("embedding.safetensors");
        await File.WriteAllBytesAsync(pickle, TorchArchive.OfTensors([("emb_params", value)]), TestContext.Current.CancellationToken);

        Assert.Contains("family      a textual inversion\n  form        single file, pickle\n", (await CommandLine.RunAsync("inspect", pickle)).Output);
        Assert.Equal(0, (await CommandLine.RunAsync("convert", pickle, file)).ExitCode);
        using var read = SafetensorsFile.Open(file);
        Assert.True(read.Read("emb_params").Equals(value));
    }

    [Fact]
    public async Task Bad_input_is_one_sentence_and_leaves_nothing()
    {
        using var scope = NewDisposeScope();
        string lora = _folder.File("lora.safetensors"), hostile = _folder.File("hostile.ckpt"), folder = _folder.File("folder"), large = _folder.File("large.safetensors");
        SafetensorsWriter.Write(lora, [KeyValuePair.Create("lora_unet_x.lora_down.weight", ones(2))]);
        SafetensorsWriter.Write(large, [KeyValuePair.Create("x", TensorArithmetic.Filled(1e6, shape: 2))]);
        await File.WriteAllBytesAsync(hostile, new TorchArchive().Global("os", "system").ToBytes(), TestContext.Current.CancellationToken);

        await Refused(3, "holds no model but a LoRA", "convert", lora, folder);
        await Refused(3, "asks for 'os.system'", "convert", hostile, folder);
        await Refused(3, "asks for 'os.system'", "inspect", hostile);
        await Refused(3, "asks for 'os.system'", "generate", "--prompt", "x", "--output", _folder.File("x.png"), "--model", hostile);
        await Refused(4, "exists already", "convert", lora, hostile);
        await Refused(3, "neither a file nor a folder", "convert", _folder.File("nosuch"), folder);
        await Refused(2, "--precision", "convert", lora, folder, "--precision", "fp8");
        await Refused(3, "tensor 'x' holds values beyond 65504, the largest of float16", "convert", large, _folder.File("half.safetensors"), "--precision", "fp16");
        Assert.Equal(["hostile.ckpt", "large.safetensors", "lora.safetensors"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Memory_is_forecast_and_what_cannot_fit_is_refused_before_it_is_loaded()
    {
        string folder = PublishedFolders.Write("sd1", _folder.File("sd1"));
        CommandLineResult refused = await CommandLine.RunAsync("generate", "--prompt", "a red car", "--steps", "1", "--output", _folder.File("out.png"), "--model", folder, "--size", "16384");
        Assert.Equal(4, refused.ExitCode);
        Assert.Matches(@"^This needs \d+\.\d GiB of memory, 0\.0 GiB for the weights and about \d+\.\d GiB to compute 1 pictures at once at 16384 x 16384, and \d+\.\d GiB are available: use a smaller --size, a smaller --batch or a smaller model\.\n$", refused.Error);

        using StringWriter told = new() { NewLine = "\n" }, quiet = new();
        using DiffusionModel survey = Checkpoint.Survey(folder);
        MemoryGuard.Check(new Terminal(TextWriter.Null, told, interactive: false), survey, 640, 640, batch: 1, bytesPerNumber: 4);
        MemoryGuard.Check(new Terminal(TextWriter.Null, quiet, interactive: false), survey, 16, 16, batch: 1, bytesPerNumber: 4);
        Assert.Matches(@"^Memory: 0\.0 GiB for the weights and about \d+\.\d GiB to compute 1 pictures at once at 640 x 640, of \d+\.\d GiB that are available\.\n$", told.ToString());
        Assert.Equal("", quiet.ToString());
    }

    [Theory]
    [InlineData("again")]
    [InlineData("again.safetensors")]
    public async Task A_cancelled_conversion_leaves_nothing(string output)
    {
        string folder = PublishedFolders.Write("sd1", _folder.File("sd1")), file = _folder.File("sd1.safetensors");
        await CommandLine.RunAsync("convert", folder, file);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        CommandLineResult result = await CommandLine.RunUntilAsync(["convert", file, _folder.File(output)], cancelled.Token);

        Assert.Equal(130, result.ExitCode);
        Assert.Equal(["sd1", "sd1.safetensors"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    private static async Task Refused(int exitCode, string reason, params string[] arguments)
    {
        CommandLineResult result = await CommandLine.RunAsync(arguments);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(reason, result.Error);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }
}

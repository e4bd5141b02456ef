using Millrace.Tests.Support;

namespace Millrace.Tests.Cli;

/// <summary>millrace quantize, and models drawn with what it made.</summary>
public sealed class QuantizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_quantized_model_draws_and_another_base_is_refused()
    {
        string model = _folder.File("model"), other = _folder.File("other"), integers = _folder.File("int8.safetensors");
        TinyModel.Save(model, wide: true);
        TinyModel.Save(other, wide: true, seed: 2);

        CommandLineResult made = await CommandLine.RunAsync("quantize", model, integers, "--calibration", "16", "--steps", "2", "--network-only");
        Assert.True(made.ExitCode == 0, made.Error); // a slow machine is told of progress on standard error
        Assert.Matches(@"^unet: \d+ layers, weights of 7 bits, \d\.\d MB\n", made.Output);
        string[] draw = ["generate", "--prompt", "a red car", "--output", _folder.File("out.png"), "--quantized", integers];
        Assert.Equal(0, (await CommandLine.RunAsync([.. draw, "--model", model])).ExitCode);
        await Refused(3, "belongs to another base", [.. draw, "--model", other]);
    }

    [Fact]
    public async Task Bad_input_is_one_sentence_and_leaves_nothing()
    {
        string model = _folder.File("model"), integers = _folder.File("int8.safetensors");
        TinyModel.Save(model);
        await Refused(2, "at least 16 rows, got 8", "quantize", model, integers, "--calibration", "8");
        await Refused(2, "must end in .safetensors", "quantize", model, _folder.File("int8"));
        await Refused(2, "WeightBits must be from 2 to 8, got 9", "quantize", model, integers, "--weight-bits", "9");
        await Refused(2, "nothing is worth quantizing", "quantize", model, integers, "--calibration", "16", "--steps", "1");
        await Refused(3, "is no quantization", "generate", "--prompt", "x", "--output", _folder.File("x.png"), "--model", model, "--quantized", Path.Combine(model, "unet", "diffusion_pytorch_model.safetensors"));
        Assert.False(File.Exists(integers));
    }

    private static async Task Refused(int exitCode, string sentence, params string[] arguments)
    {
        CommandLineResult result = await CommandLine.RunAsync(arguments);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(sentence, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }
}

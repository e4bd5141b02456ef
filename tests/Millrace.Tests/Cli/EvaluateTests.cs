using System.Text.Json;
using Millrace.Evaluation;
using Millrace.Imaging;
using Millrace.Models.Layers;
using static TorchSharp.torch;

namespace Millrace.Tests.Cli;

public sealed class EvaluateTests : IClassFixture<TinyModelFolder>, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public EvaluateTests(TinyModelFolder model)
    {
        _model = model.Path;
        Pictures("data", 12, 0);
        Pictures("drawn", 10, 2);
        using var generator = new Generator(1);
        using var judge = new PictureJudge(new ConvolutionalClassifier(3).Initialize(generator), ["a", "b", "c"]);
        judge.Save(_folder.File("judge"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Compares_folders_pair_by_pair_and_as_a_whole()
    {
        _folder.Write("data/broken.png", "no picture");
        CommandLineResult result = await Evaluate("drawn", "--paired", "--output", _folder.File("out"));

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("left out 1, such as broken.png", result.Error, StringComparison.Ordinal);
        Assert.Contains("the Frechet distance says little", result.Error, StringComparison.Ordinal);
        Assert.Contains("10 pictures of ", result.Output, StringComparison.Ordinal);
        Assert.All(new[] { "PSNR", "SSIM", "Frechet", "coverage", "novelty", "prompt agreement" }, metric => Assert.Contains(metric, result.Output, StringComparison.Ordinal));
        Assert.NotNull(SkiaFrames.DecodePng(await File.ReadAllBytesAsync(_folder.File("out/samples.png"), TestContext.Current.CancellationToken), 0, TimeSpan.Zero));
        using JsonDocument record = JsonDocument.Parse(await File.ReadAllTextAsync(_folder.File("out/evaluation.json"), TestContext.Current.CancellationToken));
        Assert.Equal(14, record.RootElement.GetProperty("scores").GetArrayLength());
        Assert.Equal("broken.png", record.RootElement.GetProperty("skipped")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task Judges_what_a_model_draws()
    {
        CommandLineResult result = await Evaluate(null, "--model", _model, "--steps", "0,25", "--count", "9", "--precision", "fp32", "--output", _folder.File("out"), "--json");
        Assert.Equal(0, result.ExitCode);
        using JsonDocument record = JsonDocument.Parse(result.Output);
        Assert.Equal(9, record.RootElement.GetProperty("sampleCount").GetInt32());
        Assert.Equal(2, record.RootElement.GetProperty("drawing").GetProperty("seed").GetInt64());
        Assert.Equal(2, record.RootElement.GetProperty("drawing").GetProperty("evaluations").GetInt32());
    }

    [Fact]
    public async Task Says_what_is_wrong_in_one_sentence()
    {
        Pictures("few", 3, 0);
        Pictures("strange", 9, 40);
        Directory.CreateDirectory(_folder.File("bare"));
        _folder.Write("prompts.txt", "one\ntwo\n");
        await Refused(2, "--paired compares files", null, "--paired");
        await Refused(2, "--paired, --lpips and --lpips-heads go together", "drawn", "--lpips", "alexnet.pth");
        await Refused(2, "--count is for a model that draws", "drawn", "--count", "20");
        await Refused(2, "at least 8 pictures on each side, got 3 and 12", "few");
        await Refused(2, "has no picture of its name in the reference", "strange", "--paired");
        await Refused(3, "There is no file or folder", "nowhere");
        await Refused(3, "holds no picture that can be read", "bare");
        await Refused(3, "There is no judge", "drawn", "--judge", _folder.File("bare"));
        await Refused(2, "holds 2 prompts; it needs at least 8", null, "--prompts", _folder.File("prompts.txt"), "--model", _model);
        await Refused(3, "no-such.txt", null, "--prompts", _folder.File("no-such.txt"), "--model", _model);
        await Refused(2, "a whole number of at least 8", null, "--count", "2");
        Assert.False(Directory.Exists(_folder.File("refused")));
    }

    private Task<CommandLineResult> Evaluate(string? samples, params string[] more) => CommandLine.RunAsync(
        ["evaluate", .. samples is null ? Array.Empty<string>() : [_folder.File(samples)], "--reference", _folder.File("data"), .. more.Contains("--judge") ? Array.Empty<string>() : ["--judge", _folder.File("judge")], "--size", "32", .. more]);

    private async Task Refused(int exitCode, string because, string? samples, params string[] more)
    {
        CommandLineResult result = await Evaluate(samples, ["--output", _folder.File("refused"), .. more]);
        Assert.Contains(because, result.Error.TrimEnd('\n').Split('\n')[^1], StringComparison.Ordinal);
        Assert.Equal(exitCode, result.ExitCode);
    }

    private void Pictures(string folder, int count, int from)
    {
        Directory.CreateDirectory(_folder.File(folder));
        for (int index = from; index < from + count; index++)
        {
            var random = new Random(index);
            byte[] rgb = new byte[3 * 16 * 16];
            random.NextBytes(rgb);
            File.WriteAllBytes(_folder.File($"{folder}/{index}.png"), SkiaFrames.EncodePng(new Frame(0, TimeSpan.Zero, 16, 16, rgb)));
            _folder.Write($"{folder}/{index}.txt", $"picture {index}");
        }
    }
}

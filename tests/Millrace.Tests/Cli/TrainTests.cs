using Millrace.Imaging;

namespace Millrace.Tests.Cli;

public sealed class TrainTests : IDisposable
{
    private static readonly string[] Small = ["--network", "tiny", "--size", "32", "--batch", "2", "--autoencoder-steps", "2", "--log-every", "1"];

    private readonly TemporaryFolder _folder = new();

    public TrainTests()
    {
        Directory.CreateDirectory(_folder.File("data"));
        for (int index = 0; index < 4; index++)
        {
            File.WriteAllBytes(_folder.File($"data/{index}.png"), SkiaFrames.EncodePng(new Frame(0, TimeSpan.Zero, 8, 8, [.. Enumerable.Range(0, 192).Select(value => (byte)(value + index))])));
            _folder.Write($"data/{index}.txt", $"picture {index}");
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Trains_previews_resumes_and_draws()
    {
        _folder.Write("data/broken.png", "no picture");
        string model = _folder.File("model");
        CommandLineResult trained = await CommandLine.RunAsync(["train", _folder.File("data"), "-o", model, "--steps", "2", .. Small]);

        Assert.Equal((0, $"{model}\n"), (trained.ExitCode, trained.Output));
        Assert.Contains("4 pictures, 32 x 32; a tiny model with prompts.\nleft out: broken.png: ", trained.Error, StringComparison.Ordinal);
        Assert.Contains("autoencoder 2/2: loss ", trained.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.File("model/training/preview-000002.png")));

        CommandLineResult longer = await CommandLine.RunAsync("train", "-o", model, "--resume", "--steps", "3");
        Assert.Equal(0, longer.ExitCode);
        Assert.Contains("denoiser 3/3", longer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("denoiser 2/3", longer.Error, StringComparison.Ordinal);

        CommandLineResult drawn = await CommandLine.RunAsync("generate", "--model", model, "--prompt", "picture 1", "--steps", "2", "--output", _folder.File("drawn.png"));
        Assert.Equal((0, ""), (drawn.ExitCode, drawn.Error));
    }

    [Fact]
    public async Task A_model_on_the_process_of_a_stream_streams()
    {
        string model = _folder.File("model");
        await CommandLine.RunAsync(["train", _folder.File("data"), "-o", model, "--steps", "1", "--process", "v", .. Small]);
        CommandLineResult streamed = await CommandLine.RunAsync("stream", "--model", model, "--input", _folder.File("data/0.png"), "--output", _folder.File("out.png"), "--prompt", "picture 1");
        Assert.Equal(0, streamed.ExitCode);
    }

    [Fact]
    public async Task Says_what_is_wrong_in_one_sentence()
    {
        Directory.CreateDirectory(_folder.File("empty"));
        await Refused(2, "DATA is missing", "train", "-o", _folder.File("m"));
        await Refused(3, "holds no picture that can be read", "train", _folder.File("empty"), "-o", _folder.File("m"));
        await Refused(3, "There is no file or folder", "train", _folder.File("nowhere"), "-o", _folder.File("m"));
        await Refused(2, "is not empty", "train", _folder.File("data"), "-o", _folder.File("data"));
        await Refused(3, "holds no run to resume", "train", "-o", _folder.File("data"), "--resume");
        await Refused(2, "--size cannot go with --resume", "train", "-o", _folder.File("data"), "--resume", "--size", "64");
        await Refused(2, "Size must be a multiple of 32", "train", _folder.File("data"), "-o", _folder.File("m"), "--size", "50");
        await Refused(1, "At step ", ["train", _folder.File("data"), "-o", _folder.File("m"), "--steps", "300", "--lr", "1e30", .. Small]);
    }

    [Fact]
    public async Task A_full_disk_leaves_the_former_checkpoint()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full here");
        string model = _folder.File("model"), checkpoint = _folder.File("model/training/denoiser/checkpoint.safetensors");
        await CommandLine.RunAsync(["train", _folder.File("data"), "-o", model, "--steps", "2", .. Small]);
        byte[] former = await File.ReadAllBytesAsync(checkpoint, TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(checkpoint + ".partial", "/dev/full");

        await Refused(4, "is whole: the run can be resumed from it.", "train", "-o", model, "--resume", "--steps", "3");
        Assert.Equal(former, await File.ReadAllBytesAsync(checkpoint, TestContext.Current.CancellationToken));
    }

    private static async Task Refused(int exitCode, string because, params string[] arguments)
    {
        CommandLineResult result = await CommandLine.RunAsync(arguments);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(because, result.Error.TrimEnd('\n').Split('\n')[^1], StringComparison.Ordinal);
    }
}

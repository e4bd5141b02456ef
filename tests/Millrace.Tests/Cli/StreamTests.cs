using System.Text.Json;
using Millrace.Imaging;
using Millrace.Imaging.Sources;

namespace Millrace.Tests.Cli;

public sealed class StreamTests(TinyModelFolder model) : IClassFixture<TinyModelFolder>, IDisposable
{
    private static readonly string[] Stages = ["read", "encode", "denoise", "decode", "write", "total"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("out.webp")]
    [InlineData("out.png")]
    [InlineData("frames/")]
    public async Task Writes_a_frame_for_every_frame(string output)
    {
        CommandLineResult result = await StreamAsync("--frames", "7", "--output", _folder.File(output));

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(7, await CountAsync(_folder.File(output)));
        Assert.StartsWith("7 frames in ", result.Output);
    }

    [Fact]
    public async Task Writes_and_reads_videos()
    {
        Assert.SkipWhen((await CommandLine.RunAsync("doctor")).Output.Contains("ffmpeg        -"), "Needs ffmpeg.");
        await StreamAsync("--frames", "12", "--size", "64", "--output", _folder.File("first.mp4"));
        CommandLineResult result = await CommandLine.RunAsync(
            "stream", "--model", model.Path, "--input", _folder.File("first.mp4"), "--prompt", "a red car", "--size", "32", "--output", _folder.File("second.webm"));

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(12, await CountAsync(_folder.File("second.webm")));

        byte[] whole = await File.ReadAllBytesAsync(_folder.File("first.mp4"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(_folder.File("half.mp4"), whole[..(whole.Length / 2)], TestContext.Current.CancellationToken);
        CommandLineResult half = await StreamAsync("--input", _folder.File("half.mp4"), "--output", _folder.File("third.webp"));

        Assert.True(half.ExitCode == 3, half.Error);
        Assert.Contains("half.mp4", half.Error);
        Assert.Single(half.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Reports_for_machines_on_one_line()
    {
        CommandLineResult result = await StreamAsync("--frames", "9", "--output", _folder.File("out.webp"), "--similarity", "0", "--json");

        Assert.Equal(0, result.ExitCode);
        JsonElement report = JsonDocument.Parse(Assert.Single(result.Output.TrimEnd('\n').Split('\n'))).RootElement;
        Assert.Equal(9, report.GetProperty("framesIn").GetInt64());
        Assert.Equal(9, report.GetProperty("framesOut").GetInt64());
        Assert.InRange(report.GetProperty("framesSkipped").GetInt64(), 1, 8);
        Assert.Equal(0, report.GetProperty("framesDropped").GetInt64());
        Assert.True(report.GetProperty("framesPerSecond").GetDouble() > 0);
        JsonElement latency = report.GetProperty("latencyMilliseconds");
        Assert.Equal(Stages, latency.EnumerateObject().Select(stage => stage.Name));
        Assert.All(latency.EnumerateObject(), stage =>
        {
            double p50 = stage.Value.GetProperty("p50").GetDouble(), p95 = stage.Value.GetProperty("p95").GetDouble(), p99 = stage.Value.GetProperty("p99").GetDouble();
            Assert.True(p50 >= 0 && p50 <= p95 && p95 <= p99, stage.ToString());
        });
    }

    [Theory]
    [InlineData("none")]
    [InlineData("full")]
    [InlineData("self")]
    [InlineData("Initialize")]
    public async Task Runs_every_guidance_with_all_its_options(string guidance)
    {
        CommandLineResult result = await StreamAsync(
            "--frames", "5", "--output", _folder.File("out/"), "--guidance", guidance, "--guidance-scale", "1.4", "--delta", "0.8", "--negative", "a red car",
            "--steps", "5,20,40", "--frame-buffer", "2", "--seed", "7", "--size", "16x8", "--prompt-at", "2:a red cat", "--no-add-noise", "--side-by-side", "--fit", "letterbox");

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Frame frame = await FirstAsync(_folder.File("out/"));
        Assert.Equal((32, 8), (frame.Width, frame.Height));
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("auto")]
    public async Task Runs_in_every_precision(string precision)
    {
        CommandLineResult result = await CommandLine.RunAsync(
            "stream", "--model", model.Path, "--input", "synthetic", "--prompt", "a red car", "--frames", "3", "--precision", precision, "--output", _folder.File("out.webp"));

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_bytes()
    {
        foreach (string output in new[] { "first.webp", "second.webp" })
        {
            await StreamAsync("--frames", "4", "--output", _folder.File(output), "--seed", "5");
        }

        await StreamAsync("--frames", "4", "--output", _folder.File("other.webp"), "--seed", "6");
        Assert.Equal(Bytes("first.webp"), Bytes("second.webp"));
        Assert.NotEqual(Bytes("first.webp"), Bytes("other.webp"));
    }

    [Fact]
    public async Task A_recorded_session_replays_to_the_same_bytes()
    {
        string session = _folder.File("session.millrace");
        CommandLineResult recorded = await StreamAsync(
            "--frames", "6", "--output", _folder.File("first.webp"), "--prompt-at", "3:a red cat", "--seed", "9", "--similarity", "0.9", "--record", session);
        CommandLineResult replayed = await CommandLine.RunAsync("stream", "--model", model.Path, "--precision", "fp32", "--replay", session, "--output", _folder.File("second.webp"));

        Assert.Equal((0, 0), (recorded.ExitCode, replayed.ExitCode));
        Assert.Equal(Bytes("first.webp"), Bytes("second.webp"));
    }

    [Fact]
    public async Task Reads_raw_frames_and_writes_raw_frames()
    {
        using var process = CommandLine.Start(
            new Dictionary<string, string>(), "stream", "--model", model.Path, "--prompt", "a red car", "--input", "-", "--input-size", "10x6", "--output", "-", "--json");
        await using (Stream input = process.StandardInput.BaseStream)
        {
            await input.WriteAsync(new byte[5 * 10 * 6 * 3], TestContext.Current.CancellationToken);
        }

        using var output = new MemoryStream();
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.BaseStream.CopyToAsync(output, TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, process.ExitCode);
        Assert.Equal(5 * 8 * 8 * 3, output.Length);
        Assert.Equal(5, JsonDocument.Parse((await error).TrimEnd().Split('\n')[^1]).RootElement.GetProperty("framesOut").GetInt32()); // progress comes before
    }

    [Fact]
    public async Task Cancelling_leaves_a_valid_file()
    {
        using var stop = new CancellationTokenSource();
        Task<CommandLineResult> run = CommandLine.RunUntilAsync(
            ["stream", "--model", model.Path, "--prompt", "a red car", "--input", "synthetic", "--frames", "1000000", "--output", _folder.File("out.png"), "--json"], stop.Token);
        while (!File.Exists(_folder.File("out.png.partial")))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await stop.CancelAsync();
        CommandLineResult result = await run;

        Assert.Equal(130, result.ExitCode);
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        Assert.True(report.GetProperty("cancelled").GetBoolean());
        Assert.Equal(report.GetProperty("framesOut").GetInt64(), await CountAsync(_folder.File("out.png")));
    }

    [Fact]
    public async Task An_interrupted_process_leaves_a_valid_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs POSIX signals.");
        using var process = CommandLine.Start(
            new Dictionary<string, string>(), "stream", "--model", model.Path, "--prompt", "a red car", "--input", "synthetic", "--frames", "1000000", "--output", _folder.File("out.png"));
        while (!File.Exists(_folder.File("out.png.partial")))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        using var kill = System.Diagnostics.Process.Start("kill", ["-INT", $"{process.Id}"]);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(130, process.ExitCode);
        Assert.True(await CountAsync(_folder.File("out.png")) > 0);
        Assert.False(File.Exists(_folder.File("out.png.partial")));
    }

    [Fact]
    public async Task An_interrupt_does_not_wait_for_a_silent_input()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs POSIX signals.");
        using var process = CommandLine.Start(
            new Dictionary<string, string>(), "stream", "--model", model.Path, "--prompt", "a red car", "--live", "--input", "-", "--input-size", "8x8", "--output", _folder.File("out.png"));
        await process.StandardInput.BaseStream.WriteAsync(new byte[4 * 8 * 8 * 3], TestContext.Current.CancellationToken);
        await process.StandardInput.BaseStream.FlushAsync(TestContext.Current.CancellationToken);
        while (!File.Exists(_folder.File("out.png.partial")))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        using var kill = System.Diagnostics.Process.Start("kill", ["-INT", $"{process.Id}"]);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.Equal(130, process.ExitCode);
        Assert.True(await CountAsync(_folder.File("out.png")) > 0);
    }

    private static async Task<int> CountAsync(string path)
    {
        await using IFrameSource source = FrameSources.Open(path);
        return await source.ReadAsync(TestContext.Current.CancellationToken).CountAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<Frame> FirstAsync(string path)
    {
        await using IFrameSource source = FrameSources.Open(path);
        return await source.ReadAsync(TestContext.Current.CancellationToken).FirstAsync(TestContext.Current.CancellationToken);
    }

    private byte[] Bytes(string file) => File.ReadAllBytes(_folder.File(file));

    private Task<CommandLineResult> StreamAsync(params string[] arguments) =>
        CommandLine.RunAsync(
            ["stream", "--model", model.Path, "--precision", "fp32", .. arguments.Contains("--input") ? Array.Empty<string>() : ["--input", "synthetic"], "--prompt", "a red car", .. arguments]);
}

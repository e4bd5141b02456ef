using System.Buffers.Binary;
using Millrace.Checkpoints;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Cli;

/// <summary>Whatever is wrong with what comes in: one clear sentence on the error stream, its exit code, and no output left behind.</summary>
public sealed class BadInputTests(TinyModelFolder model) : IClassFixture<TinyModelFolder>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public Task No_such_file() => RefusesInputAsync(_folder.File("none.mp4"), 3, "There is no file or folder '");

    [Fact]
    public Task A_text_file_named_mp4() => RefusesInputAsync(_folder.Write("text.mp4", "Dear diary,\n"), 3, "it is a text file");

    [Fact]
    public Task An_empty_file() => RefusesInputAsync(_folder.Write("empty.webp", ""), 3, "it is empty");

    [Fact]
    public Task A_folder_without_pictures() => RefusesInputAsync(_folder.Path, 3, _folder.Path);

    [Fact]
    public async Task A_truncated_animation()
    {
        await CommandLine.RunAsync("stream", "--model", model.Path, "--input", "synthetic", "--prompt", "a", "--frames", "8", "--output", _folder.File("whole.webp"));
        byte[] whole = await File.ReadAllBytesAsync(_folder.File("whole.webp"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(_folder.File("half.webp"), whole[..(whole.Length / 2)], TestContext.Current.CancellationToken);

        await RefusesInputAsync(_folder.File("half.webp"), 3, "half.webp");
    }

    [Fact]
    public async Task A_truncated_video()
    {
        byte[] start = [0, 0, 0, 24, .. "ftypisom"u8, 0, 0, 2, 0, .. "isommp41"u8, 0, 0, 16, 0, .. "moov"u8];
        await File.WriteAllBytesAsync(_folder.File("half.mp4"), start, TestContext.Current.CancellationToken);
        CommandLineResult result = await StreamAsync("--input", _folder.File("half.mp4"));

        AssertRefused(result, result.Error.Contains("Video files need ffmpeg") ? 4 : 3, result.Error.Contains("need ffmpeg") ? "install it" : "half.mp4");
    }

    [Fact]
    public async Task No_frames_at_all() => AssertRefused(await PipeAsync([], "--input-size", "4x4"), 3, "has 0 bytes");

    [Fact]
    public async Task A_frame_that_is_cut_short() => AssertRefused(await PipeAsync(new byte[100], "--input-size", "4x4"), 3, "so 44 are missing");

    [Fact]
    public async Task A_value_that_is_not_a_number()
    {
        var frame = new byte[4 * 4 * 3 * 4];
        BinaryPrimitives.WriteSingleLittleEndian(frame.AsSpan(4 * 3 * 5), float.NaN);

        AssertRefused(await PipeAsync(frame, "--input-size", "4x4", "--input-format", "rgbfloat"), 3, "holds NaN at column 1 of row 1");
    }

    [Fact]
    public Task Raw_frames_without_a_size() => RefusesAsync(2, "need their width and height", "--input", "-");

    [Theory]
    [InlineData("7")]
    [InlineData("8x9")]
    public Task A_size_that_the_model_cannot_have(string size) => RefusesAsync(2, "multiples of 2", "--size", size);

    [Theory]
    [InlineData("32,16", "strictly ascending")]
    [InlineData("16,16", "strictly ascending")]
    [InlineData("16,50", "in 0..49")]
    [InlineData("-1,3", "in 0..49")]
    [InlineData("", "whole numbers")]
    [InlineData("1;2", "whole numbers")]
    public Task Steps_that_cannot_be(string steps, string because) => RefusesAsync(2, because, "--steps", steps);

    [Fact]
    public Task A_step_list_longer_than_memory() =>
        RefusesAsync(4, "of memory", "--steps", string.Join(',', Enumerable.Range(0, 50)), "--size", "16384");

    [Fact]
    public Task A_frame_buffer_larger_than_memory() => RefusesAsync(4, "of memory", "--frame-buffer", "2000000000", "--size", "64");

    [Theory]
    [InlineData("--guidance", "strong")]
    [InlineData("--guidance", "2")]
    [InlineData("--guidance-scale", "NaN")]
    [InlineData("--guidance-scale", "-1")]
    [InlineData("--delta", "much")]
    [InlineData("--similarity", "1.5")]
    [InlineData("--frame-buffer", "0")]
    [InlineData("--frames", "0")]
    [InlineData("--fps", "0")]
    [InlineData("--threads", "0")]
    [InlineData("--size", "0")]
    [InlineData("--fit", "fill")]
    [InlineData("--prompt-at", "a red cat")]
    [InlineData("--precision", "fp8")]
    [InlineData("--no-such-option", "no-such-option")]
    public Task A_value_out_of_range(string option, string value) => RefusesAsync(2, value, option, value);

    [Fact]
    public async Task No_prompt()
    {
        CommandLineResult result = await CommandLine.RunAsync("stream", "--input", "x.mp4");
        AssertRefused(result, 2, "--prompt is missing");
    }

    [Fact]
    public Task A_model_that_is_not_there() => RefusesAsync(3, "There is no model \"/no/such/model\"", "--model", "/no/such/model");

    [Fact]
    public Task A_folder_that_is_no_model() => RefusesAsync(3, "not a model folder", "--model", _folder.Path);

    [Fact]
    public async Task A_checkpoint_without_a_tensor()
    {
        string damaged = Damaged(tensors => tensors.Remove("conv_out.bias"));
        await RefusesAsync(3, "conv_out.bias", "--model", damaged);
    }

    [Fact]
    public async Task A_checkpoint_with_a_misshapen_tensor()
    {
        string damaged = Damaged(tensors => tensors["conv_out.bias"] = zeros(5));
        await RefusesAsync(3, "conv_out.bias [5] instead of [4]", "--model", damaged);
    }

    [Fact]
    public async Task A_prompt_of_ten_thousand_characters_is_cut_with_a_warning()
    {
        CommandLineResult result = await CommandLine.RunAsync(
            "stream", "--model", model.Path, "--input", "synthetic", "--frames", "2", "--prompt", new string('x', 10_000), "--output", _folder.File("out.webp"));

        Assert.Equal(0, result.ExitCode);
        Assert.StartsWith("Warning: the prompt \"xxxx", result.Error);
        Assert.Contains("tokens are left out.\n", result.Error);
        Assert.True(result.Error.Length < 200);
    }

    [Fact]
    public async Task A_full_disk()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Needs /dev/full.");
        File.CreateSymbolicLink(_folder.File("out.webp.partial"), "/dev/full");
        CommandLineResult result = await StreamAsync("--frames", "50", "--size", "64");

        AssertRefused(result, 4, "No space left on device");
    }

    [Fact]
    public async Task An_output_folder_that_is_not_there()
    {
        CommandLineResult result = await StreamAsync("--output", "/no/such/folder/out.webp");
        AssertRefused(result, 3, "/no/such/folder");
    }

    [Fact]
    public Task An_output_of_an_unknown_kind() => RefusesAsync(2, ".xyz", "--output", _folder.File("out.xyz"));

    [Fact]
    public async Task An_output_onto_its_own_input()
    {
        string path = _folder.File("clip.webp");
        await CommandLine.RunAsync("stream", "--model", model.Path, "--input", "synthetic", "--prompt", "a", "--frames", "3", "--output", path);
        byte[] before = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        AssertRefused(await StreamAsync("--input", path, "--output", path), 2, "is the input itself");

        Assert.Equal(before, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_output_folder_that_is_the_input_folder()
    {
        string frames = _folder.File("frames");
        await CommandLine.RunAsync("stream", "--model", model.Path, "--input", "synthetic", "--prompt", "a", "--frames", "3", "--output", frames + "/");

        AssertRefused(await StreamAsync("--input", frames, "--output", frames + "/"), 2, "is the input itself");
    }

    [Fact]
    public async Task A_session_that_is_none()
    {
        CommandLineResult result = await CommandLine.RunAsync("stream", "--model", model.Path, "--replay", _folder.Write("session", "text"), "--output", _folder.File("out.webp"));
        AssertRefused(result, 3, "is not a recorded session");
    }

    [Fact]
    public async Task The_stack_trace_comes_only_when_asked_for()
    {
        CommandLineResult result = await StreamAsync("--input", _folder.File("none.mp4"), "--verbose");

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("   at Millrace.", result.Error);
    }

    private Task<CommandLineResult> StreamAsync(params string[] arguments)
    {
        string[] defaults = ["--model", model.Path, "--input", "synthetic", "--prompt", "a red car", "--output", _folder.File("out.webp")];
        IEnumerable<string> missing = defaults.Chunk(2).Where(pair => !arguments.Contains(pair[0])).SelectMany(pair => pair);
        return CommandLine.RunAsync(["stream", .. missing, .. arguments]);
    }

    private async Task RefusesAsync(int exitCode, string because, params string[] arguments) => AssertRefused(await StreamAsync(arguments), exitCode, because);

    private Task RefusesInputAsync(string input, int exitCode, string because) => RefusesAsync(exitCode, because, "--input", input);

    private async Task<CommandLineResult> PipeAsync(byte[] input, params string[] arguments)
    {
        using var process = CommandLine.Start(
            new Dictionary<string, string>(), ["stream", "--model", model.Path, "--prompt", "a", "--input", "-", "--output", _folder.File("out.webp"), .. arguments]);
        await using (Stream stream = process.StandardInput.BaseStream)
        {
            await stream.WriteAsync(input, TestContext.Current.CancellationToken);
        }

        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new CommandLineResult(process.ExitCode, await output, error);
    }

    private void AssertRefused(CommandLineResult result, int exitCode, string because)
    {
        Assert.True(result.ExitCode == exitCode, $"{result.ExitCode}: {result.Error}");
        Assert.Contains(because, result.Error);
        Assert.Equal("", result.Output);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'), line => !line.Contains(" frames after ")); // Progress, on a slow machine.
        Assert.DoesNotContain("   at ", result.Error);
        Assert.DoesNotContain("Parameter '", result.Error);
        Assert.False(File.Exists(_folder.File("out.webp")));
        Assert.False(File.Exists(_folder.File("out.webp.partial")));
    }

    private string Damaged(Action<Dictionary<string, Tensor>> change)
    {
        string folder = _folder.File("model");
        TinyModel.Save(folder);
        using var scope = NewDisposeScope();
        string weights = Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors");
        Dictionary<string, Tensor> tensors = Golden.Read(weights);
        change(tensors);
        SafetensorsWriter.Write(weights, tensors);
        return folder;
    }
}

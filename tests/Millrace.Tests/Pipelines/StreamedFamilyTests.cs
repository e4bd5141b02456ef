using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Streaming;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Pipelines;

/// <summary>What the stream batch runs beside Stable Diffusion 1.x, and what it refuses.</summary>
public sealed class StreamedFamilyTests(TinyFolderFixture folders) : IClassFixture<TinyFolderFixture>
{
    [Theory]
    [InlineData("sd", GuidanceType.Self, StreamSolver.Tcd)]
    [InlineData("lcm", GuidanceType.None, StreamSolver.Lcm)]
    [InlineData("sdxl", GuidanceType.Self, StreamSolver.Lcm)]
    [InlineData("sdxl", GuidanceType.Full, StreamSolver.DpmPlusPlus2M)]
    [InlineData("sdxl-refiner", GuidanceType.None, StreamSolver.Lcm)]
    [InlineData("pixart-alpha", GuidanceType.Full, StreamSolver.Lcm)]
    [InlineData("pixart-sigma", GuidanceType.Initialize, StreamSolver.Ddim)]
    [InlineData("dit", GuidanceType.Full, StreamSolver.Lcm)]
    [InlineData("ddpm", GuidanceType.None, StreamSolver.Ddim)]
    [InlineData("sd3", GuidanceType.Full, StreamSolver.Ddim)]
    [InlineData("sd3", GuidanceType.Self, StreamSolver.DpmPlusPlus2M)]
    [InlineData("flux-schnell", GuidanceType.None, StreamSolver.Ddim)]
    [InlineData("flux-dev", GuidanceType.Self, StreamSolver.Lcm)]
    [InlineData("lumina", GuidanceType.Initialize, StreamSolver.Ddim)]
    public void Frames_of_a_stream_come_out_as_if_alone(string name, GuidanceType guidance, StreamSolver solver)
    {
        DiffusionModel model = folders.Model(name);
        model.CheckStreams();
        var options = new StreamOptions { Steps = [16, 32], Width = 16, Height = 16, Guidance = guidance, GuidanceScale = 1.5, Solver = solver };
        using var scope = NewDisposeScope();
        Tensor[] images = [.. Enumerable.Range(0, 3).Select(index => rand([1, 3, 16, 16], generator: new Generator((ulong)index)).Times(2).Plus(-1))];
        IReadOnlyList<GeneratedImage> Stream(params Tensor[] frames)
        {
            using var pipeline = new StreamPipeline(model.Denoiser, model.Autoencoder, model.TextEncoder, model.ProcessAt(16, 16), options, FamilyTests.Prompt(name));
            GeneratedImage[] left = [.. frames.SelectMany((frame, id) => pipeline.Process(frame, id))];
            return [.. left, .. pipeline.Flush()];
        }

        IReadOnlyList<GeneratedImage> together = Stream(images);
        Assert.Equal([0L, 1, 2], together.Select(image => image.FrameId));
        Assert.True(Golden.RelativeError(Stream(images[1])[0].Image, together[1].Image) < 1e-4);
    }

    [Fact]
    public async Task The_command_refuses_what_needs_a_mask_in_one_sentence()
    {
        CommandLineResult result = await CommandLine.RunAsync("stream", "--model", folders.Folder("sd-inpainting"), "--size", "16");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("The model 'sd-inpainting' cannot be streamed: its U-Net takes a mask beside the picture", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("flux-schnell")]
    [InlineData("sd3", "--solver", "dpmpp-2m")]
    public async Task The_command_streams_a_flow(string name, params string[] options)
    {
        using var folder = new TemporaryFolder();
        CommandLineResult result = await CommandLine.RunAsync(
            ["stream", "--model", folders.Folder(name), "--size", "16", "--frames", "3", "--prompt", "a red car", "--output", folder.File("out.png"), .. options]);
        Assert.Equal(0, result.ExitCode);
        Assert.True(File.Exists(folder.File("out.png")));
    }
}

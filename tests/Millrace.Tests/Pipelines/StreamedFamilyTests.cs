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
    [InlineData("lcm", GuidanceType.None)]
    [InlineData("sdxl", GuidanceType.Self)]
    [InlineData("sdxl", GuidanceType.Full)]
    [InlineData("pixart-alpha", GuidanceType.Full)]
    [InlineData("pixart-sigma", GuidanceType.Initialize)]
    [InlineData("dit", GuidanceType.Full)]
    [InlineData("ddpm", GuidanceType.None)]
    public void Frames_of_a_stream_come_out_as_if_alone(string name, GuidanceType guidance)
    {
        DiffusionModel model = folders.Model(name);
        model.CheckStreams();
        var options = new StreamOptions { Steps = [16, 32], Width = 16, Height = 16, Guidance = guidance, GuidanceScale = 1.5 };
        using var scope = NewDisposeScope();
        Tensor[] images = [.. Enumerable.Range(0, 3).Select(index => rand([1, 3, 16, 16], generator: new Generator((ulong)index)).Times(2).Plus(-1))];
        IReadOnlyList<GeneratedImage> Stream(params Tensor[] frames)
        {
            using var pipeline = new StreamPipeline(model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, options, FamilyTests.Prompt(name));
            GeneratedImage[] left = [.. frames.SelectMany((frame, id) => pipeline.Process(frame, id))];
            return [.. left, .. pipeline.Flush()];
        }

        IReadOnlyList<GeneratedImage> together = Stream(images);
        Assert.Equal([0L, 1, 2], together.Select(image => image.FrameId));
        Assert.True(Golden.RelativeError(Stream(images[1])[0].Image, together[1].Image) < 1e-4);
    }

    [Fact]
    public async Task The_command_refuses_a_flow_in_one_sentence()
    {
        CommandLineResult result = await CommandLine.RunAsync("stream", "--model", folders.Folder("flux-schnell"), "--size", "16");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("The model 'flux-schnell' cannot be streamed: it was trained on a FlowProcess", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }
}

using System.Diagnostics;
using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Tests.Slow;

/// <summary>Ten thousand frames on the shipped model: memory and tensors stay where they are.</summary>
public sealed class EnduranceTests(ITestOutputHelper output)
{
    private const int Frames = 10_000;
    private const int FirstReading = 1_000;

    [Fact]
    public async Task Memory_and_living_tensors_are_flat_over_ten_thousand_frames()
    {
        using StableDiffusionParts parts = DiffusersFolder.LoadParts(ShippedModel());
        parts.PrepareForInference(ScalarType.BFloat16);
        using DiffusionModel model = parts.ToModel("emoji");
        var options = new StreamOptions { Guidance = GuidanceType.Self, GuidanceScale = 1.4, Delta = 0.8, SimilarityThreshold = 0.98 };
        using var pipeline = new StreamPipeline(model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, options, "red apple");
        pipeline.WarmUp();
        var sink = new ReadingSink();
        await new StreamEngine(pipeline).RunAsync(new SyntheticSource(Frames, stillShare: 0.2), sink);

        output.WriteLine($"resident memory after {FirstReading} frames {sink.FirstMemory >> 20} MiB, after {Frames} frames {sink.LastMemory >> 20} MiB; living tensors {sink.FirstTensors} and {sink.LastTensors}");
        Assert.Equal(Frames, sink.Count);
        Assert.True(sink.LastMemory <= 1.02 * sink.FirstMemory);
        Assert.InRange(sink.LastTensors, sink.FirstTensors - 20, sink.FirstTensors + 20); // the stages are at different points of a frame
    }

    private static string ShippedModel()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string model = Path.Combine(folder.FullName, "models", "emoji");
            if (Directory.Exists(model))
            {
                return model;
            }
        }

        throw new DirectoryNotFoundException("models/emoji is in no folder above the tests.");
    }

    private sealed class ReadingSink : IFrameSink
    {
        public long Count { get; private set; }

        public long FirstMemory { get; private set; }

        public long LastMemory { get; private set; }

        public long FirstTensors { get; private set; }

        public long LastTensors { get; private set; }

        public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
        {
            Count++;
            if (Count == FirstReading)
            {
                (FirstMemory, FirstTensors) = Read();
            }
            else if (Count == Frames)
            {
                (LastMemory, LastTensors) = Read();
            }

            return ValueTask.CompletedTask;
        }

        public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static (long Memory, long Tensors) Read()
        {
            using var process = Process.GetCurrentProcess();
            return (process.WorkingSet64, Tensor.TotalCount);
        }
    }
}

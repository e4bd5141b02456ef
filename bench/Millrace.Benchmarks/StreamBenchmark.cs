using System.Diagnostics;
using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>Measures the streaming engine on one model against the plain pipeline, and its own tricks one by one; one process, one run.</summary>
public static class StreamBenchmark
{
    private static readonly int[] FourSteps = [0, 16, 32, 45];
    private static readonly (int[] Steps, GuidanceType Guidance, int FrameBuffer)[] Configurations =
    [
        ([25], GuidanceType.None, 1), ([25], GuidanceType.None, 4), ([16, 32], GuidanceType.None, 1), ([16, 32], GuidanceType.Self, 1),
        (FourSteps, GuidanceType.Self, 1), (FourSteps, GuidanceType.Full, 1),
    ];

    /// <summary>Measures the random 24 M U-Net at 256 x 256.</summary>
    public static StreamBenchmarkReport RunRandom(IProgress<string> progress, CancellationToken cancellationToken) =>
        Run("random U-Net, 24 M parameters", RandomModel.Create, 256, frames: 8, progress, cancellationToken);

    /// <summary>Measures a model folder at its own size.</summary>
    public static StreamBenchmarkReport RunFolder(string folder, IProgress<string> progress, CancellationToken cancellationToken)
    {
        int size;
        using (StableDiffusionParts shape = DiffusersFolder.LoadParts(folder))
        {
            size = shape.UNet.Options.SampleSize * shape.Autoencoder.SpatialFactor;
        }

        return Run(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), () => DiffusersFolder.LoadParts(folder), size, frames: size <= 128 ? 60 : 8, progress, cancellationToken);
    }

    private static StreamBenchmarkReport Run(string name, Func<StableDiffusionParts> load, int size, int frames, IProgress<string> progress, CancellationToken cancellationToken)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        void Tell(string stage)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress.Report($"{name}: {stage}");
        }

        Tell("network calls");
        using StableDiffusionParts plainParts = load();
        using DiffusionModel plain = plainParts.ToModel(name);
        Conditioning text = plain.TextEncoder.Encode(["a picture", ""]);
        int latentSide = size / plain.Autoencoder.SpatialFactor;
        Tensor x = randn(4, plain.Autoencoder.LatentChannels, latentSide, latentSide), t = tensor(new float[] { 999, 679, 359, 99 });
        Conditioning conditioning = text.Row(0).Select(part => part.expand(4, -1, -1));
        Action Call(IDenoiser denoiser) => () => denoiser.Predict(x, t, conditioning).Dispose();

        using StableDiffusionParts singleParts = load(), halfParts = load();
        singleParts.PrepareForInference(ScalarType.Float32);
        string backend = halfParts.PrepareForInference(ScalarType.BFloat16);
        using DiffusionModel single = singleParts.ToModel(name), half = halfParts.ToModel(name);
        double[] calls = Timing.MedianMillisecondsInTurn(frames, Call(plain.Denoiser), Call(single.Denoiser), Call(half.Denoiser));
        bool halfIsFaster = calls[2] < calls[1];
        (DiffusionModel fast, StableDiffusionParts fastParts) = halfIsFaster ? (half, halfParts) : (single, singleParts);
        if (!halfIsFaster)
        {
            backend = backend.Replace("bfloat16", "float32", StringComparison.Ordinal);
        }

        Tell("machine's ceiling");
        MachineCeiling ceiling = MachineCeiling.Measure(halfIsFaster ? ScalarType.BFloat16 : ScalarType.Float32);
        OperationCount operations = OperationCount.Of(fastParts.UNet.Options, latentSide, latentSide, (int)text.Text.shape[1]);
        double rate = 4 * operations.Total / calls.Skip(1).Min() * 1000;
        IReadOnlyDictionary<string, double> shares = LayerTimes.Measure(fastParts.UNet, Call(fast.Denoiser), repeats: 5);

        Tell("plain pipeline");
        var baseline = new PlainPipeline(plain.Denoiser, plain.Autoencoder, plain.Process, text.Row(0), text.Row(1));
        Tensor image = rand(1, 3, size, size).Times(2).Plus(-1);
        plain.Autoencoder.Decode(plain.Autoencoder.Encode(image)).Dispose();
        double plainMilliseconds = Timing.MedianMilliseconds(() => baseline.Generate(image).Dispose(), repeats: size <= 128 ? 3 : 2, warmUp: size <= 128 ? 1 : 0);

        List<StreamBenchmarkReport.Stream> streams = [];
        foreach ((int[] steps, GuidanceType guidance, int frameBuffer) in Configurations)
        {
            Tell($"stream, {steps.Length} steps, guidance {guidance}, frame buffer {frameBuffer}");
            streams.Add(MeasureStream(fast, size, steps, guidance, frameBuffer, frames, plainMilliseconds));
        }

        Tell("stream batch against sequential");
        Tensor one = x.narrow(0, 0, 1), oneTime = t.narrow(0, 0, 1);
        var oneRow = new Conditioning(conditioning.Text.narrow(0, 0, 1));
        double[] batch = Timing.MedianMillisecondsInTurn(
            frames,
            Call(fast.Denoiser),
            () =>
            {
                for (int step = 0; step < 4; step++)
                {
                    fast.Denoiser.Predict(one, oneTime, oneRow).Dispose();
                }
            });

        Tell("similarity filter");
        double without = ProcessorSeconds(fast, size, null, 4 * frames), with = ProcessorSeconds(fast, size, 0.98, 4 * frames);
        return new StreamBenchmarkReport(
            name, size, halfIsFaster ? "bfloat16" : "float32", backend, operations.Total, ceiling,
            new Dictionary<string, double> { ["plain float32"] = calls[0], ["float32"] = calls[1], ["bfloat16"] = calls[2] },
            rate / ceiling.Best, shares, plainMilliseconds, streams,
            streams[^1].Denoise / streams[^2].Denoise, batch[1] / batch[0], without / with);
    }

    private static StreamBenchmarkReport.Stream MeasureStream(DiffusionModel model, int size, int[] steps, GuidanceType guidance, int frameBuffer, int frames, double plainMilliseconds)
    {
        using StreamPipeline pipeline = Pipeline(model, size, steps, guidance, frameBuffer, null);
        pipeline.WarmUp(ticks: 4);
        using Tensor image = rand(1, 3, size, size).Times(2).Plus(-1);
        long id = 0;
        void Group()
        {
            for (int frame = 0; frame < frameBuffer; frame++)
            {
                foreach (GeneratedImage output in pipeline.Process(image, id++))
                {
                    output.Dispose();
                }
            }
        }

        double milliseconds = Timing.MedianMilliseconds(Group, frames / frameBuffer, warmUp: steps.Length) / frameBuffer;
        double Stage(StreamStage stage) => pipeline.Statistics.Stages[stage].Percentile(0.5).TotalMilliseconds;
        return new StreamBenchmarkReport.Stream(
            steps, guidance.ToString().ToLowerInvariant(), frameBuffer, milliseconds, Stage(StreamStage.Encode), Stage(StreamStage.Denoise), Stage(StreamStage.Decode), plainMilliseconds / milliseconds);
    }

    /// <summary>Processor time of a whole stream over a clip with 70 % still frames.</summary>
    private static double ProcessorSeconds(DiffusionModel model, int size, double? threshold, int frames)
    {
        using StreamPipeline pipeline = Pipeline(model, size, [16, 32], GuidanceType.Self, 1, threshold);
        pipeline.WarmUp(ticks: 4);
        TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
        new StreamEngine(pipeline).RunAsync(new SyntheticSource(frames, side: size, stillShare: 0.7), new NoSink()).GetAwaiter().GetResult();
        return (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
    }

    private static StreamPipeline Pipeline(DiffusionModel model, int size, int[] steps, GuidanceType guidance, int frameBuffer, double? threshold) => new(
        model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process,
        new StreamOptions { Steps = steps, Guidance = guidance, FrameBufferSize = frameBuffer, GuidanceScale = 1.4, Delta = 0.8, Width = size, Height = size, SimilarityThreshold = threshold },
        "a picture");

    private sealed class NoSink : IFrameSink
    {
        public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

using Millrace.Checkpoints;
using Millrace.Compression.Quantization;
using Millrace.Evaluation;
using Millrace.Guidance;
using Millrace.Runtime.Kernels.Int8;
using Millrace.Streaming;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>Measures integer layers against libtorch's float32: single layers, whole network calls, the autoencoder, a stream; one process, one run, calls in turn.</summary>
public static class Int8Benchmark
{
    private const int StreamFrames = 24;

    private static readonly int[] FourSteps = [0, 16, 32, 45];

    // batch, channels, outputs, side, kernel
    private static readonly (int Batch, int Channels, int Outputs, int Side, int Kernel)[] Shapes =
    [
        (4, 64, 64, 16, 3), (4, 128, 128, 4, 3), (4, 64, 64, 16, 1), (4, 128, 128, 32, 3), (4, 256, 256, 32, 3), (4, 512, 256, 16, 3), (4, 256, 2048, 32, 1), (1, 64, 64, 256, 3),
    ];

    /// <summary>Measures single layers, and a model.</summary>
    /// <param name="folder">Model folder; null for the random U-Net of 24 M parameters at 256 x 256.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellationToken">Ends it between two stages.</param>
    public static Int8BenchmarkReport Run(string? folder, IProgress<string> progress, CancellationToken cancellationToken)
    {
        using IDisposable gradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        void Tell(string stage)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress.Report(stage);
        }

        Tell("single layers");
        Int8BenchmarkReport.Pair[] layers = [.. Shapes.Select(Layer)];
        Tell("quantizing");
        using DiffusionModel plain = Load(folder), integers = Load(folder);
        var options = new ModelQuantizationOptions { Rows = 16, Steps = 6, Layers = new QuantizationOptions { Candidates = 20, Batch = 16 } };
        string backend;
        using (QuantizedModel quantized = ModelQuantizer.Quantize(plain, options, cancellation: cancellationToken))
        {
            backend = quantized.UseIn(integers);
        }

        plain.PrepareForInference(ScalarType.Float32);
        integers.PrepareForInference(ScalarType.Float32);
        Tell("network calls");
        int side = plain.DefaultSize / plain.Autoencoder.SpatialFactor;
        Tensor x = randn(8, plain.Autoencoder.LatentChannels, side, side), t = tensor(new float[] { 999, 679, 359, 99, 859, 539, 219, 19 });
        using Conditioning text = plain.TextEncoder.Encode(["a picture"]);
        var calls = new List<Int8BenchmarkReport.Pair>();
        foreach (int rows in new[] { 1, 4, 8 })
        {
            Tensor input = x.narrow(0, 0, rows), times = t.narrow(0, 0, rows);
            Conditioning conditioning = text.Select(part => part.expand(rows, -1, -1));
            calls.Add(Compare($"network, {rows} rows", plain.DefaultSize > 128 ? 5 : 20, model => model.Denoiser.Predict(input, times, conditioning).Dispose()));
        }

        Tensor latent = x.narrow(0, 0, 1), picture = plain.Autoencoder.Decode(latent);
        calls.Add(Compare("autoencoder, decode 1", 9, model => model.Autoencoder.Decode(latent).Dispose()));
        calls.Add(Compare("autoencoder, encode 1", 9, model => model.Autoencoder.Encode(picture).Dispose()));
        Tell("streams");
        double streamNoise = PictureDistance.PeakSignalToNoise(Stream(integers), Stream(plain)).Average();
        using StreamPipeline plainStream = Pipeline(plain), integerStream = Pipeline(integers);
        long id = 0;
        Int8BenchmarkReport.Pair frame = Compare("stream, four steps, one frame", plain.DefaultSize > 128 ? 8 : 30, model => Frame(ReferenceEquals(model, plain) ? plainStream : integerStream, picture, id++).ForEach(image => image.Dispose()));
        Conditioning eight = text.Select(part => part.expand(8, -1, -1));
        Tensor expected = plain.Denoiser.Predict(x, t, eight), found = integers.Denoiser.Predict(x, t, eight);
        return new Int8BenchmarkReport(
            plain.Name, backend, layers, [.. calls, frame],
            -10 * Math.Log10((found.Minus(expected).Squared().mean() / expected.Squared().mean()).item<float>()),
            PictureDistance.PeakSignalToNoise(integers.Autoencoder.Decode(x).Clamped(-1, 1), plain.Autoencoder.Decode(x).Clamped(-1, 1)).Average(), streamNoise);

        Int8BenchmarkReport.Pair Compare(string name, int repeats, Action<DiffusionModel> call)
        {
            double[] milliseconds = Timing.MedianMillisecondsInTurn(repeats, () => call(plain), () => call(integers));
            return new Int8BenchmarkReport.Pair(name, milliseconds[0], milliseconds[1]);
        }
    }

    private static DiffusionModel Load(string? folder) => folder is null ? RandomModel.Create().ToModel("random U-Net, 24 M parameters") : DiffusersFolder.Load(folder);

    private static Int8BenchmarkReport.Pair Layer((int Batch, int Channels, int Outputs, int Side, int Kernel) shape)
    {
        (int batch, int channels, int outputs, int side, int kernel) = shape;
        using DisposeScope scope = NewDisposeScope();
        Tensor ChannelsLast(params long[] sides) => randn(sides).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        Tensor x = ChannelsLast(batch, channels, side, side), weight = ChannelsLast(outputs, channels, kernel, kernel), bias = randn(outputs);
        Tensor whole = weight.Times(16).round().Clamped(-63, 63).permute(0, 2, 3, 1).contiguous().to(int8);
        using var product = new Int8Product(whole, ones(outputs), bias, new ByteScale(0.03f, 128), 1, kernel / 2);
        long[] padding = [kernel / 2, kernel / 2];
        double[] milliseconds = Timing.MedianMillisecondsInTurn(
            15, () => nn.functional.conv2d(x, weight, bias, [1, 1], padding).Dispose(), () => product.Convolve(x).Dispose());
        return new Int8BenchmarkReport.Pair($"{kernel} x {kernel}, {batch} x {channels} x {side} x {side} to {outputs}", milliseconds[0], milliseconds[1])
        {
            Operations = 2.0 * batch * channels * outputs * side * side * kernel * kernel,
        };
    }

    private static StreamPipeline Pipeline(DiffusionModel model) => new(
        model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process,
        new StreamOptions { Steps = FourSteps, Guidance = GuidanceType.None, Width = model.DefaultSize, Height = model.DefaultSize, Mode = StreamMode.ImageToImage }, "a cat face");

    /// <summary>The pictures of a stream of moving noise, [N, 3, H, W], in [-1, 1].</summary>
    private static Tensor Stream(DiffusionModel model)
    {
        using var generator = new Generator(9);
        using StreamPipeline pipeline = Pipeline(model);
        var left = new List<Tensor>();
        for (int frame = 0; frame < StreamFrames; frame++)
        {
            using Tensor picture = rand(1, 3, model.DefaultSize, model.DefaultSize, generator: generator);
            left.AddRange(Frame(pipeline, picture, frame));
        }

        left.AddRange(pipeline.Flush().Select(result => result.Image));
        return cat(left, 0).Clamped(-1, 1);
    }

    private static List<Tensor> Frame(StreamPipeline pipeline, Tensor picture, long id) => [.. pipeline.Process(picture, id).Select(result => result.Image)];
}

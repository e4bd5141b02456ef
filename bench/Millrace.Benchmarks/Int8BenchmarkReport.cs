namespace Millrace.Benchmarks;

/// <summary>Integer layers against float32, all from one run.</summary>
/// <param name="Model">The model.</param>
/// <param name="Backend">What computed in integers.</param>
/// <param name="Layers">Single layers; the rounding of their input is part of the integers' time.</param>
/// <param name="Calls">Network, autoencoder and stream.</param>
/// <param name="NetworkNoise">Signal to noise of the network's answer, dB.</param>
/// <param name="DecoderNoise">PSNR of decoded pictures, dB.</param>
/// <param name="StreamNoise">PSNR of the pictures of a whole stream, dB.</param>
public sealed record Int8BenchmarkReport(
    string Model, string Backend, IReadOnlyList<Int8BenchmarkReport.Pair> Layers, IReadOnlyList<Int8BenchmarkReport.Pair> Calls, double NetworkNoise, double DecoderNoise, double StreamNoise)
{
    /// <summary>The figures as lines of text.</summary>
    public IEnumerable<string> Lines() =>
    [
        $"{Model}: {Backend}",
        .. Layers.Concat(Calls).Select(pair => pair.Line),
        $"agreement with float32: network {NetworkNoise:F1} dB signal to noise, decoder {DecoderNoise:F1} dB PSNR, stream {StreamNoise:F1} dB PSNR",
    ];

    /// <param name="Name">What was timed.</param>
    /// <param name="Float32">Milliseconds in float32.</param>
    /// <param name="Int8">Milliseconds in integers.</param>
    public sealed record Pair(string Name, double Float32, double Int8)
    {
        /// <summary>Operations, a multiply and an add counted as two; 0 where not counted.</summary>
        public double Operations { get; init; }

        /// <summary>As a line of text.</summary>
        public string Line => $"{Name,-40} float32 {Float32,8:F2} ms   int8 {Int8,8:F2} ms   {Float32 / Int8:F2} times as fast{(Operations > 0 ? $"   {Operations / Int8 / 1e6:F0} Gop/s" : "")}";
    }
}

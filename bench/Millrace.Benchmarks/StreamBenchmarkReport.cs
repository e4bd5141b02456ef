namespace Millrace.Benchmarks;

/// <summary>Figures of one model, all from one run.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Size">Side of the images in pixels.</param>
/// <param name="Precision">The precision chosen, because it was the faster.</param>
/// <param name="Backend">What computes.</param>
/// <param name="GigaflopsPerRow">GFLOP of one row of the network.</param>
/// <param name="Ceiling">GFLOP/s that this machine reaches in that precision.</param>
/// <param name="NetworkMilliseconds">Median of one network call of four rows, by precision and, under "plain float32", of the network as loaded.</param>
/// <param name="ShareOfCeiling">Rate of that call over the ceiling, in the chosen precision.</param>
/// <param name="NetworkShares">Where the call's time goes, by kind of layer; sums to 1.</param>
/// <param name="PlainMilliseconds">Median of one frame of the plain pipeline.</param>
/// <param name="Streams">The engine, one entry a configuration.</param>
/// <param name="SelfOverFull">Time of a tick with full guidance over one with self guidance, four steps.</param>
/// <param name="BatchOverSequential">Time of the four network calls of one frame, one after the other, over the stream batch's one call of four rows.</param>
/// <param name="FilterSaving">Processor time without the similarity filter over that with it, on a clip with 70 % still frames.</param>
public sealed record StreamBenchmarkReport(
    string Model, int Size, string Precision, string Backend, double GigaflopsPerRow, MachineCeiling Ceiling,
    IReadOnlyDictionary<string, double> NetworkMilliseconds, double ShareOfCeiling, IReadOnlyDictionary<string, double> NetworkShares,
    double PlainMilliseconds, IReadOnlyList<StreamBenchmarkReport.Stream> Streams,
    double SelfOverFull, double BatchOverSequential, double FilterSaving)
{
    /// <summary>The engine in one configuration.</summary>
    /// <param name="Steps">Indices into the timestep grid.</param>
    /// <param name="Guidance">Type of guidance.</param>
    /// <param name="FrameBuffer">Frames that go through the network together.</param>
    /// <param name="Milliseconds">Median of one frame, encoding and decoding included.</param>
    /// <param name="Encode">Median milliseconds of encoding.</param>
    /// <param name="Denoise">Median milliseconds of the tick, of all frames in it.</param>
    /// <param name="Decode">Median milliseconds of decoding the frames of a tick.</param>
    /// <param name="OverPlain">Time of a frame of the plain pipeline over this.</param>
    public sealed record Stream(IReadOnlyList<int> Steps, string Guidance, int FrameBuffer, double Milliseconds, double Encode, double Denoise, double Decode, double OverPlain)
    {
        /// <summary>Frames a second.</summary>
        public double FramesPerSecond => 1000 / Milliseconds;
    }

    /// <summary>The figures as lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Model}, {Size} x {Size}, {Backend}";
        yield return $"  machine's ceiling in {Precision}: convolution {Ceiling.Convolution:F0}, matrix product {Ceiling.MatrixProduct:F0} GFLOP/s";
        yield return $"  network call, 4 rows, {4 * GigaflopsPerRow:F2} GFLOP: {string.Join(", ", NetworkMilliseconds.Select(entry => $"{entry.Key} {entry.Value:F1} ms"))}";
        yield return $"  share of the ceiling: {ShareOfCeiling:P0}; time goes to {string.Join(", ", NetworkShares.Select(entry => $"{entry.Key} {entry.Value:P0}"))}";
        yield return $"  plain pipeline (50 DDIM steps, full guidance): {PlainMilliseconds:F0} ms a frame";
        foreach (Stream stream in Streams)
        {
            yield return $"  stream, steps {string.Join(',', stream.Steps)}, guidance {stream.Guidance}, frame buffer {stream.FrameBuffer}: {stream.Milliseconds:F1} ms a frame ({stream.FramesPerSecond:F1} frames/s; "
                + $"encode {stream.Encode:F1}, denoise {stream.Denoise:F1}, decode {stream.Decode:F1}), {stream.OverPlain:F1} times the plain pipeline";
        }

        yield return $"  guidance self over full, four steps, one tick: {SelfOverFull:F2} times";
        yield return $"  stream batch over the sequential loop, four steps: {BatchOverSequential:F2} times";
        yield return $"  similarity filter, 70 % still frames: {FilterSaving:F2} times less processor time";
    }
}

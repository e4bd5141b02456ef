namespace Millrace.Benchmarks;

/// <summary>Figures of a server over loopback, all from one run of it.</summary>
/// <param name="Model">Name of the model that it serves.</param>
/// <param name="Size">Side of the images in pixels.</param>
/// <param name="Cores">Of the machine, shared by server and clients.</param>
/// <param name="AddressSeconds">From starting its process to its address.</param>
/// <param name="FirstPictureSeconds">From starting its process to a client's first picture.</param>
/// <param name="Loads">One entry a number of steps and clients.</param>
public sealed record ServeBenchmarkReport(string Model, int Size, int Cores, double AddressSeconds, double FirstPictureSeconds, IReadOnlyList<ServeBenchmarkReport.Load> Loads)
{
    /// <summary>Some clients at once. Times are in milliseconds.</summary>
    /// <param name="Steps">Steps of every stream.</param>
    /// <param name="Clients">Clients, a stream each.</param>
    /// <param name="FramesPerSecond">Of all together.</param>
    /// <param name="Median">Median round trip, from a client's sending a frame to its having the picture.</param>
    /// <param name="Percentile95">Its 95th percentile.</param>
    /// <param name="Percentile99">Its 99th percentile.</param>
    /// <param name="EngineMedian">Median of the part of it between the frame's arrival at the engine and its picture.</param>
    /// <param name="BeyondEngine">What the rest (server, wire and client) adds to the engine's part, as a share of it.</param>
    /// <param name="Encode">Mean time a picture in the autoencoder's encoder.</param>
    /// <param name="Denoise">Mean time a picture in the network.</param>
    /// <param name="Decode">Mean time a picture in the autoencoder's decoder.</param>
    public sealed record Load(
        int Steps, int Clients, double FramesPerSecond, double Median, double Percentile95, double Percentile99, double EngineMedian, double BeyondEngine, double Encode, double Denoise, double Decode);

    /// <summary>The figures as lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Model}, {Size} x {Size}, {Cores} cores; from process start to address {AddressSeconds:F1} s, to first picture {FirstPictureSeconds:F1} s";
        yield return "  steps  clients  frames/s  round trip p50     p95     p99 ms  in the engine p50 ms  beyond it  a picture: encode, network, decode ms";
        foreach (Load load in Loads)
        {
            yield return $"  {load.Steps,5}  {load.Clients,7}  {load.FramesPerSecond,8:F1}  {load.Median,14:F1}  {load.Percentile95,6:F1}  {load.Percentile99,9:F1}  {load.EngineMedian,20:F1}  {load.BeyondEngine,9:P0}"
                + $"  {load.Encode,18:F1}, {load.Denoise,7:F1}, {load.Decode,6:F1}";
        }
    }
}

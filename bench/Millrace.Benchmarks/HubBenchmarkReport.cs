namespace Millrace.Benchmarks;

/// <summary>Figures of one model under several users, all from one run.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Size">Side of the images in pixels.</param>
/// <param name="Backend">What computes.</param>
/// <param name="Loads">One entry a number of steps and users.</param>
public sealed record HubBenchmarkReport(string Model, int Size, string Backend, IReadOnlyList<HubBenchmarkReport.Load> Loads)
{
    /// <summary>Some users at once.</summary>
    /// <param name="Steps">Steps of every stream.</param>
    /// <param name="Users">Streams.</param>
    /// <param name="FramesPerSecond">Of all together.</param>
    /// <param name="SlowestOverFastest">Frames of the user with the fewest over those of the user with the most.</param>
    /// <param name="Median">Median latency in milliseconds, from sending a frame to its picture.</param>
    /// <param name="Percentile95">Its 95th percentile.</param>
    /// <param name="Percentile99">Its 99th percentile.</param>
    /// <param name="RowsPerCall">Mean rows of a network call.</param>
    public sealed record Load(int Steps, int Users, double FramesPerSecond, double SlowestOverFastest, double Median, double Percentile95, double Percentile99, double RowsPerCall);

    /// <summary>The figures as lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Model}, {Size} x {Size}, {Backend}";
        yield return "  steps  users  frames/s  slowest/fastest     p50     p95     p99 ms  p99 / (users x frame alone)  rows a call";
        foreach (Load load in Loads)
        {
            double alone = 1000 / Loads.First(first => first.Steps == load.Steps && first.Users == 1).FramesPerSecond;
            yield return $"  {load.Steps,5}  {load.Users,5}  {load.FramesPerSecond,8:F1}  {load.SlowestOverFastest,15:P0}  {load.Median,6:F1}  {load.Percentile95,6:F1}  {load.Percentile99,9:F1}  "
                + $"{load.Percentile99 / (load.Users * alone),27:F2}  {load.RowsPerCall,11:F1}";
        }
    }
}

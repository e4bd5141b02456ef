using System.Diagnostics;
using System.Globalization;
using Millrace.Imaging;
using Millrace.Imaging.Sources;

namespace Millrace.Benchmarks;

/// <summary>Measures a server over loopback: its start, and clients who send the next frame when a picture comes back.</summary>
public static class ServeBenchmark
{
    private static readonly int[][] StepLists = [[25], [16, 32]];
    private static readonly int[] ClientCounts = [1, 2, 4];
    private static readonly TimeSpan BetweenFrames = TimeSpan.FromMilliseconds(50); // of the first ones: the server keeps the newest that waits
    private static readonly string[] Prompts = ["a red apple", "a cat face", "a sunflower", "a blue heart"];
    private static readonly string[] Stages = ["Encode", "Denoise", "Decode"];

    /// <summary>Measures the start, and 1, 2 and 4 clients at one step and at two, in one run of the server.</summary>
    /// <param name="server">How it is started on a free port; its first line ends with its address.</param>
    /// <param name="model">Name of the model that it serves.</param>
    /// <param name="measured">Time for each load; a third of it is spent before, to warm up.</param>
    /// <param name="progress">Told what is measured.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public static async Task<ServeBenchmarkReport> RunAsync(ProcessStartInfo server, string model, TimeSpan measured, IProgress<string> progress, CancellationToken cancellationToken)
    {
        progress.Report($"{model}: start");
        long start = Stopwatch.GetTimestamp();
        using ServerProcess process = await ServerProcess.StartAsync(server, cancellationToken);
        double address = Stopwatch.GetElapsedTime(start).TotalSeconds;
        int size = await FirstPictureAsync(process.Address, cancellationToken);
        double firstPicture = Stopwatch.GetElapsedTime(start).TotalSeconds;

        using var http = new HttpClient { BaseAddress = process.Address };
        List<ServeBenchmarkReport.Load> loads = [];
        foreach (int[] steps in StepLists)
        {
            foreach (int clients in ClientCounts)
            {
                progress.Report($"{model}: {clients} clients, {steps.Length} steps");
                loads.Add(await MeasureAsync(http, steps, clients, measured, cancellationToken));
            }
        }

        return new ServeBenchmarkReport(model, size, Environment.ProcessorCount, address, firstPicture, loads);
    }

    private static async Task<int> FirstPictureAsync(Uri server, CancellationToken cancellationToken)
    {
        using ServedStream stream = await ServedStream.OpenAsync(server, Settings([25], 0), cancellationToken);
        await stream.SendAsync(new Frame(0, TimeSpan.Zero, 1, 1, new byte[3]), cancellationToken);
        await stream.TakeAsync(cancellationToken);
        return stream.Size;
    }

    private static async Task<ServeBenchmarkReport.Load> MeasureAsync(HttpClient http, int[] steps, int clients, TimeSpan measured, CancellationToken cancellationToken)
    {
        double[] before = await StageSecondsAsync(http, cancellationToken);
        long start = Stopwatch.GetTimestamp();
        Client[] all = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => UseAsync(http.BaseAddress!, steps, client, start, measured, cancellationToken)));
        double[] after = await StageSecondsAsync(http, cancellationToken);
        ServedPicture[] pictures = [.. all.SelectMany(client => client.Measured)];
        double[] roundTrips = [.. pictures.Select(picture => picture.RoundTrip).Order()], engine = [.. pictures.Select(picture => picture.Engine).Order()];
        double[] stages = [.. after.Zip(before, (last, first) => 1000 * (last - first) / all.Sum(client => client.Pictures))];
        return new ServeBenchmarkReport.Load(
            steps.Length, clients, pictures.Length / measured.TotalSeconds, Percentile(roundTrips, 0.5), Percentile(roundTrips, 0.95), Percentile(roundTrips, 0.99), Percentile(engine, 0.5),
            (roundTrips.Sum() - engine.Sum()) / engine.Sum(), stages[0], stages[1], stages[2]);
    }

    /// <summary>One client, from the start on; as many frames under way as there are steps, so that the batch is full. However slow the machine, one picture is measured.</summary>
    private static async Task<Client> UseAsync(Uri server, int[] steps, int client, long start, TimeSpan measured, CancellationToken cancellationToken)
    {
        using ServedStream stream = await ServedStream.OpenAsync(server, Settings(steps, client), cancellationToken);
        Frame[] clip = await new SyntheticSource(32, side: stream.Size, seed: client).ReadAsync(cancellationToken).ToArrayAsync(cancellationToken);
        TimeSpan warmUp = measured / 3;
        List<ServedPicture> pictures = [];
        long next = 0, answered = -1;
        for (long taken = 1; ; taken++)
        {
            while (next - 1 - answered < steps.Length)
            {
                await stream.SendAsync(clip[next % clip.Length] with { Id = next++ }, cancellationToken);
                await (next - 1 - answered < steps.Length ? Task.Delay(BetweenFrames, cancellationToken) : Task.CompletedTask);
            }

            ServedPicture picture = await stream.TakeAsync(cancellationToken);
            answered = picture.Id;
            TimeSpan now = Stopwatch.GetElapsedTime(start);
            if (now > warmUp + measured && pictures.Count > 0)
            {
                return new Client(pictures, taken);
            }

            if (now > warmUp)
            {
                pictures.Add(picture);
            }
        }
    }

    private static Dictionary<string, object> Settings(int[] steps, int client) => new() { ["prompt"] = Prompts[client], ["seed"] = client, ["steps"] = steps };

    /// <summary>Seconds spent so far in each of the engine's stages.</summary>
    private static async Task<double[]> StageSecondsAsync(HttpClient http, CancellationToken cancellationToken)
    {
        string[] lines = (await http.GetStringAsync("metrics", cancellationToken)).Split('\n');
        return [.. Stages.Select(stage => double.Parse(
            lines.First(line => line.StartsWith("millrace_stage_seconds_sum", StringComparison.Ordinal) && line.Contains($"stage=\"{stage}\"", StringComparison.Ordinal)).Split(' ')[^1],
            CultureInfo.InvariantCulture))];
    }

    private static double Percentile(double[] sorted, double share) => sorted[(int)Math.Min(sorted.Length - 1, share * sorted.Length)];

    /// <param name="Measured">The pictures after the warm-up.</param>
    /// <param name="Pictures">All that came.</param>
    private sealed record Client(IReadOnlyList<ServedPicture> Measured, long Pictures);
}

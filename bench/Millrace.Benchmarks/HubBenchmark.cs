using System.Diagnostics;
using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Runtime;
using Millrace.Streaming;
using Millrace.Streaming.Hub;

namespace Millrace.Benchmarks;

/// <summary>Measures several users on one hub: each has his own prompt, seed and clip, and sends his next frame when a picture comes back.</summary>
public static class HubBenchmark
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2), Measured = TimeSpan.FromSeconds(6);
    private static readonly string[] Prompts = ["a red apple", "a cat face", "a sunflower", "a blue heart", "a smiling face", "a green tree", "a house", "a yellow star"];

    /// <summary>Measures 1, 2, 4 and 8 users in one run.</summary>
    /// <param name="folder">Model folder.</param>
    /// <param name="progress">Told what is measured.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public static async Task<HubBenchmarkReport> RunAsync(string folder, IProgress<string> progress, CancellationToken cancellationToken)
    {
        using StableDiffusionParts parts = DiffusersFolder.LoadParts(folder);
        string backend = parts.PrepareForInference(InferencePrecision.Measure());
        int size = parts.UNet.Options.SampleSize * parts.Autoencoder.SpatialFactor;
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        using DiffusionModel model = parts.ToModel(name);

        progress.Report($"{name}: warming up"); // the first load of a process would be measured while the code is still being compiled
        await MeasureAsync(model, size, [16, 32], 4, cancellationToken);
        List<HubBenchmarkReport.Load> loads = [];
        foreach (int[] steps in new int[][] { [25], [16, 32] })
        {
            foreach (int users in new[] { 1, 2, 4, 8 })
            {
                progress.Report($"{name}: {users} users, {steps.Length} steps");
                loads.Add(await MeasureAsync(model, size, steps, users, cancellationToken));
            }
        }

        return new HubBenchmarkReport(name, size, backend, loads);
    }

    private static async Task<HubBenchmarkReport.Load> MeasureAsync(DiffusionModel model, int size, int[] steps, int users, CancellationToken cancellationToken)
    {
        await using var hub = new StreamHub(
            model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, new StreamHubOptions { QueueCapacity = steps.Length, DrainAfter = TimeSpan.FromSeconds(1) });
        var streams = new HubStream[users];
        for (int user = 0; user < users; user++)
        {
            var options = new StreamOptions { Steps = steps, Guidance = GuidanceType.Self, Width = size, Height = size, Seed = user };
            streams[user] = hub.Open(options, Prompts[user % Prompts.Length]);
        }

        long start = Stopwatch.GetTimestamp();
        TimeSpan[][] latencies = await Task.WhenAll(streams.Select((stream, user) => UseAsync(stream, size, user, steps.Length, start, cancellationToken)));
        double[] all = [.. latencies.SelectMany(user => user).Select(latency => latency.TotalMilliseconds).Order()];
        double Percentile(double share) => all[(int)Math.Min(all.Length - 1, share * all.Length)];
        return new HubBenchmarkReport.Load(
            steps.Length, users, all.Length / Measured.TotalSeconds, latencies.Min(user => user.Length) / (double)latencies.Max(user => user.Length),
            Percentile(0.5), Percentile(0.95), Percentile(0.99), (double)hub.Statistics.Rows / hub.Statistics.NetworkCalls);
    }

    /// <summary>One user, from the start on; as many frames under way as there are steps, so that the batch is full.</summary>
    private static async Task<TimeSpan[]> UseAsync(HubStream stream, int size, int user, int underWay, long start, CancellationToken cancellationToken)
    {
        Frame[] clip = await new SyntheticSource(32, side: size, seed: user).ReadAsync(cancellationToken).ToArrayAsync(cancellationToken);
        long id = 0;
        void Send() => stream.Send(clip[id % clip.Length] with { Id = id++ });
        for (int frame = 0; frame < underWay; frame++)
        {
            Send();
        }

        List<TimeSpan> latencies = [];
        await foreach (HubFrame frame in stream.ReadAllAsync(cancellationToken))
        {
            TimeSpan now = Stopwatch.GetElapsedTime(start);
            if (now > WarmUp + Measured)
            {
                break;
            }

            if (now > WarmUp)
            {
                latencies.Add(frame.Latency);
            }

            Send();
        }

        return [.. latencies];
    }
}

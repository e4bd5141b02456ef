using System.Diagnostics;
using System.Globalization;
using System.Text;
using Millrace.Server.Images;
using Millrace.Server.Models;
using Millrace.Streaming;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Observability;

/// <summary>All figures in Prometheus' text format, version 0.0.4.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly double[] Bounds = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10]; // seconds

    public static string Of(ServerMetrics metrics, ModelLibrary library, ImageJobQueue queue)
    {
        var text = new StringBuilder();
        HostedModel[] models = [.. library.Loaded.Where(model => model.Hub is not null)];
        using var process = Process.GetCurrentProcess();

        void Family(string name, string type, string help, IEnumerable<(string Labels, double Value)> samples)
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP millrace_{name} {help}\n# TYPE millrace_{name} {type}\n");
            foreach ((string labels, double value) in samples)
            {
                text.Append(CultureInfo.InvariantCulture, $"millrace_{name}{labels} {value}\n");
            }
        }

        void OfHubs(string name, string type, string help, Func<StreamHubStatistics, double> value) =>
            Family(name, type, help, models.Select(model => ($"{{model=\"{Escape(model.Name)}\"}}", value(model.Hub!.Statistics))));

        Family("ready", "gauge", "Whether the default model is loaded.", [("", library.Ready ? 1 : 0)]);
        Family("connections", "gauge", "Open connections.", [("", metrics.Connections)]);
        Family("connections_closed_total", "counter", "Closed connections, by close code.", metrics.ConnectionsClosed.Select(pair => ($"{{code=\"{pair.Key}\"}}", (double)pair.Value)));
        Family("jobs_waiting", "gauge", "Jobs that wait.", [("", queue.Waiting)]);
        Family("jobs_total", "counter", "Jobs that ended, by how.", metrics.JobsEnded.Select(pair => ($"{{state=\"{pair.Key}\"}}", (double)pair.Value)));
        OfHubs("streams", "gauge", "Open streams.", hub => hub.OpenStreams);
        OfHubs("frames_waiting", "gauge", "Frames that wait to enter.", hub => hub.WaitingFrames);
        OfHubs("frames_total", "counter", "Frames that left.", hub => hub.FramesOut);
        OfHubs("frames_dropped_total", "counter", "Frames and results that were dropped.", hub => hub.FramesDropped);
        OfHubs("network_calls_total", "counter", "Calls of the network.", hub => hub.NetworkCalls);
        OfHubs("network_rows_total", "counter", "Rows of those calls.", hub => hub.Rows);
        Family("stage_seconds", "histogram", "Durations of each stage; Total is from a frame's arrival to its picture, Read before it and Write after it.", models.SelectMany(
            model => model.Hub!.Statistics.Stages.OrderBy(stage => stage.Key).SelectMany(stage => HistogramOf($"model=\"{Escape(model.Name)}\",stage=\"{stage.Key}\"", stage.Value))));
        Family("resident_memory_bytes", "gauge", "Memory of the process.", [("", process.WorkingSet64)]);
        Family("managed_memory_bytes", "gauge", "Memory of the managed heap.", [("", GC.GetTotalMemory(false))]);
        return text.ToString();
    }

    private static IEnumerable<(string Labels, double Value)> HistogramOf(string labels, LatencyHistogram durations)
    {
        foreach (double bound in Bounds)
        {
            yield return ($"_bucket{{{labels},le=\"{bound.ToString(CultureInfo.InvariantCulture)}\"}}", durations.CountUpTo(TimeSpan.FromSeconds(bound)));
        }

        long all = durations.Count;
        yield return ($"_bucket{{{labels},le=\"+Inf\"}}", all);
        yield return ($"_sum{{{labels}}}", durations.Total.TotalSeconds);
        yield return ($"_count{{{labels}}}", all);
    }

    private static string Escape(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}

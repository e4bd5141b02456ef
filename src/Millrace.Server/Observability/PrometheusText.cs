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

    private static readonly double[] Shares = [0.5, 0.95, 0.99];

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
        Family("stage_seconds", "summary", "Durations of each stage.", models.SelectMany(model => model.Hub!.Statistics.Stages.OrderBy(stage => stage.Key).SelectMany(
            stage => Shares.Select(share => ($"{{model=\"{Escape(model.Name)}\",stage=\"{stage.Key}\",quantile=\"{share.ToString(CultureInfo.InvariantCulture)}\"}}", stage.Value.Percentile(share).TotalSeconds)))));
        foreach (HostedModel model in models)
        {
            foreach ((StreamStage stage, LatencyHistogram durations) in model.Hub!.Statistics.Stages)
            {
                string labels = $"{{model=\"{Escape(model.Name)}\",stage=\"{stage}\"}}";
                text.Append(CultureInfo.InvariantCulture, $"millrace_stage_seconds_sum{labels} {durations.Total.TotalSeconds}\nmillrace_stage_seconds_count{labels} {durations.Count}\n");
            }
        }

        Family("resident_memory_bytes", "gauge", "Memory of the process.", [("", process.WorkingSet64)]);
        Family("managed_memory_bytes", "gauge", "Memory of the managed heap.", [("", GC.GetTotalMemory(false))]);
        return text.ToString();
    }

    private static string Escape(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}

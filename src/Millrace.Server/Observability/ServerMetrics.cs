using System.Diagnostics;
using System.Diagnostics.Metrics;
using Millrace.Server.Images;
using Millrace.Server.Models;

namespace Millrace.Server.Observability;

/// <summary>Counters of the server; also as instruments of the meter and the activity source that OpenTelemetry listens to under the name <see cref="MillraceServices.TelemetryName"/>.</summary>
internal sealed class ServerMetrics : IDisposable
{
    private readonly Meter _meter = new(MillraceServices.TelemetryName);
    private readonly Counter<long> _jobs;
    private readonly Histogram<double> _jobSeconds;
    private readonly Histogram<double> _frameSeconds;
    private readonly Counter<long> _refused;
    private readonly Dictionary<JobState, long> _jobsEnded = [];
    private readonly Dictionary<int, long> _connectionsClosed = [];
    private readonly Lock _lock = new();
    private int _connections;

    public ServerMetrics(ModelLibrary library)
    {
        _jobs = _meter.CreateCounter<long>("millrace.jobs", "{job}", "Jobs that ended.");
        _jobSeconds = _meter.CreateHistogram<double>("millrace.job.duration", "s", "From the start of a job to its end.");
        _frameSeconds = _meter.CreateHistogram<double>("millrace.frame.latency", "s", "From a frame's arrival to its picture.");
        _refused = _meter.CreateCounter<long>("millrace.connections.closed", "{connection}", "Connections closed, by code.");
        _meter.CreateObservableGauge("millrace.connections", () => Connections, "{connection}", "Open connections.");
        _meter.CreateObservableGauge("millrace.streams", () => library.Loaded.Sum(model => model.Hub?.Statistics.OpenStreams ?? 0), "{stream}", "Open streams.");
    }

    public static ActivitySource Source { get; } = new(MillraceServices.TelemetryName);

    /// <summary>Open connections.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Jobs that ended, by how.</summary>
    public IReadOnlyDictionary<JobState, long> JobsEnded => Copy(_jobsEnded);

    /// <summary>Connections that were closed, by their code.</summary>
    public IReadOnlyDictionary<int, long> ConnectionsClosed => Copy(_connectionsClosed);

    public void CountJob(JobState state, TimeSpan duration)
    {
        _jobs.Add(1, new KeyValuePair<string, object?>("state", state.ToString()));
        _jobSeconds.Record(duration.TotalSeconds);
        Count(_jobsEnded, state);
    }

    public void CountFrame(TimeSpan latency) => _frameSeconds.Record(latency.TotalSeconds);

    public void CountOpened() => Interlocked.Increment(ref _connections);

    public void CountClosed(int code)
    {
        Interlocked.Decrement(ref _connections);
        _refused.Add(1, new KeyValuePair<string, object?>("code", code));
        Count(_connectionsClosed, code);
    }

    public void Dispose() => _meter.Dispose();

    private void Count<T>(Dictionary<T, long> counts, T what)
        where T : notnull
    {
        lock (_lock)
        {
            counts[what] = counts.GetValueOrDefault(what) + 1;
        }
    }

    private Dictionary<T, long> Copy<T>(Dictionary<T, long> counts)
        where T : notnull
    {
        lock (_lock)
        {
            return new(counts);
        }
    }
}

using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Millrace.Files;

namespace Millrace.Server.Images;

/// <summary>
/// Job records on disk: a line each time that one changes, forced to the disk before a job counts as accepted. A job whose last
/// line says neither finished nor failed was lost with its server, and is reported as failed from the next start on.
/// </summary>
internal sealed partial class ImageJobJournal : IDisposable
{
    /// <summary>Why a job failed whose server stopped.</summary>
    public const string Stopped = "The server stopped before the job was finished.";

    private const int Kept = 1000, MostLines = 2 * Kept;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    private readonly ConcurrentDictionary<string, JobRecord> _records = new();
    private readonly ConcurrentQueue<string> _order = new();
    private readonly Lock _lock = new();
    private readonly FileStream _claim;
    private FileStream _file;
    private int _lines;

    public ImageJobJournal(MillraceServerOptions options, TimeProvider time, ILogger<ImageJobJournal> logger)
    {
        string folder = options.DataFolder ?? System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "millrace");
        Directory.CreateDirectory(folder);
        Path = System.IO.Path.Combine(folder, "jobs.jsonl");
        _claim = Claim(folder);
        foreach (JobRecord record in Read(Path))
        {
            JobRecord known = record.Ended ? record : record with { State = JobState.Failed, At = time.GetUtcNow(), Error = Stopped };
            if (!record.Ended)
            {
                LogLost(logger, record.Id);
            }

            Keep(known);
        }

        _file = Rewrite();
    }

    /// <summary>The file of the records.</summary>
    public string Path { get; }

    /// <summary>The record of a job; null where there is none.</summary>
    public JobRecord? Find(string id) => _records.GetValueOrDefault(id);

    /// <summary>A client's records, the newest first.</summary>
    public IEnumerable<JobRecord> Of(string client) => _order.Reverse().Select(Find).OfType<JobRecord>().Where(record => record.Client == client);

    /// <summary>Keeps a record, on the disk before this returns.</summary>
    public void Write(JobRecord record)
    {
        lock (_lock)
        {
            _file.Write(Line(record));
            _file.Flush(flushToDisk: true);
            Keep(record);
            if (++_lines > MostLines)
            {
                _file.Dispose();
                _file = Rewrite();
            }
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _claim.Dispose();
    }

    /// <summary>Keeps the folder to this server for as long as it lives: another would take the running jobs for lost ones.</summary>
    private static FileStream Claim(string folder)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(folder, "jobs.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new IOException($"The job records in {folder} are those of another server that is running; this one needs a folder of its own.", error);
        }
    }

    /// <summary>Leaves one line of each record in the file.</summary>
    private FileStream Rewrite()
    {
        AtomicFile.Write(Path, stream =>
        {
            foreach (string id in _order)
            {
                stream.Write(Line(_records[id]));
            }
        });
        _lines = _order.Count;
        return new FileStream(Path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    private void Keep(JobRecord record)
    {
        if (!_records.ContainsKey(record.Id))
        {
            _order.Enqueue(record.Id);
        }

        _records[record.Id] = record;
        while (_order.Count > Kept && _order.TryDequeue(out string? oldest))
        {
            _records.TryRemove(oldest, out _);
        }
    }

    /// <summary>The last record of each job. A line that a dying server cut off is passed over.</summary>
    private static Dictionary<string, JobRecord>.ValueCollection Read(string path)
    {
        Dictionary<string, JobRecord> last = [];
        foreach (string line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            try
            {
                if (JsonSerializer.Deserialize<JobRecord>(line, Json) is { Id: not null } record)
                {
                    last[record.Id] = record;
                }
            }
            catch (JsonException)
            {
                // The end of a line that was never forced to the disk: what it says was never promised to anyone.
            }
        }

        return last.Values;
    }

    private static byte[] Line(JobRecord record) => [.. JsonSerializer.SerializeToUtf8Bytes(record, Json), (byte)'\n'];

    [LoggerMessage(Level = LogLevel.Warning, Message = "The job {Job} was lost when the server stopped, and is reported as failed.")]
    private static partial void LogLost(ILogger logger, string job);
}

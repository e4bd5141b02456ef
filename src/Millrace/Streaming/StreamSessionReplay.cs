using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Millrace.Imaging;

namespace Millrace.Streaming;

/// <summary>A recorded session as a source of its frames, with the options and changes that go with them.</summary>
public sealed class StreamSessionReplay : IFrameSource
{
    private const int LongestDocument = 16 << 20;
    private const int LargestPicture = 256 << 20;

    private readonly string _path;
    private readonly ZipArchive _archive;
    private readonly (ZipArchiveEntry Entry, long Id, TimeSpan Timestamp)[] _frames;

    private StreamSessionReplay(string path, ZipArchive archive, StreamSession session, (ZipArchiveEntry, long, TimeSpan)[] frames) =>
        (_path, _archive, Session, _frames) = (path, archive, session, frames);

    /// <summary>What was recorded beside the frames.</summary>
    public StreamSession Session { get; }

    /// <inheritdoc/>
    public int? Count => _frames.Length;

    /// <inheritdoc/>
    public double? FramesPerSecond => Session.FramesPerSecond;

    /// <summary>Opens a recorded session.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where the file is not a recorded session; the message says why.</exception>
    public static StreamSessionReplay Open(string path)
    {
        ZipArchive? archive = null;
        try
        {
            archive = new ZipArchive(File.OpenRead(path), ZipArchiveMode.Read);
            ZipArchiveEntry document = archive.GetEntry(StreamSessionFile.Document) is { Length: < LongestDocument } entry
                ? entry
                : throw new InvalidDataException($"it holds no {StreamSessionFile.Document} of at most {LongestDocument} bytes");
            using Stream stream = document.Open();
            StreamSession session = JsonSerializer.Deserialize<StreamSession>(stream, StreamSessionFile.Json) ?? throw new InvalidDataException("its document is empty");
            if (session.Version != StreamSession.CurrentVersion)
            {
                throw new InvalidDataException($"its format has version {session.Version}, this program reads version {StreamSession.CurrentVersion}");
            }

            session.Options.Validate();
            var frames = archive.Entries
                .Where(candidate => candidate.FullName != StreamSessionFile.Document)
                .Select(candidate => StreamSessionFile.TryParse(candidate.FullName, out long id, out TimeSpan timestamp) && candidate.Length < LargestPicture
                    ? (candidate, id, timestamp)
                    : throw new InvalidDataException($"its entry '{candidate.FullName}' is no frame"))
                .OrderBy(frame => frame.id)
                .ToArray();
            return new StreamSessionReplay(path, archive, session, frames);
        }
        catch (Exception error) when (error is InvalidDataException or JsonException or ArgumentException or NotSupportedException)
        {
            archive?.Dispose();
            throw new InvalidDataException($"'{path}' is not a recorded session: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach ((ZipArchiveEntry entry, long id, TimeSpan timestamp) in _frames)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var bytes = new MemoryStream();
            await using (Stream stream = entry.Open())
            {
                await stream.CopyToAsync(bytes, cancellationToken);
            }

            yield return SkiaFrames.DecodePng(bytes.ToArray(), id, timestamp) ?? throw new InvalidDataException($"'{_path}': frame {id} is not a picture.");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _archive.Dispose();
        return ValueTask.CompletedTask;
    }
}

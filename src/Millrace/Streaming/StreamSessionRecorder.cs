using System.IO.Compression;
using System.Text.Json;
using Millrace.Imaging;

namespace Millrace.Streaming;

/// <summary>Records a session to a file from which it can be replayed to the same bytes. The file appears when it is complete.</summary>
public sealed class StreamSessionRecorder : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;
    private readonly StreamSession _session;
    private readonly List<StreamCommand> _commands = [];
    private ZipArchive? _archive;

    /// <summary>Starts a recording.</summary>
    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="session">The session at its start.</param>
    public StreamSessionRecorder(string path, StreamSession session)
    {
        (_path, _temporary, _session) = (path, path + ".partial", session);
        _archive = new ZipArchive(File.Create(_temporary), ZipArchiveMode.Create);
    }

    /// <summary>Adds a frame as it enters.</summary>
    public void Record(Frame frame)
    {
        using Stream entry = Archive.CreateEntry(StreamSessionFile.EntryName(frame.Id, frame.Timestamp), CompressionLevel.NoCompression).Open();
        entry.Write(SkiaFrames.EncodePng(frame));
    }

    /// <summary>Adds a change as it takes effect.</summary>
    public void Record(StreamCommand command) => _commands.Add(command);

    /// <summary>Puts the file in its place.</summary>
    public void Complete()
    {
        using (Stream entry = Archive.CreateEntry(StreamSessionFile.Document).Open())
        {
            JsonSerializer.Serialize(entry, _session with { Commands = [.. _session.Commands, .. _commands] }, StreamSessionFile.Json);
        }

        Archive.Dispose();
        _archive = null;
        File.Move(_temporary, _path, overwrite: true);
    }

    /// <summary>Ends a recording; one that was not completed leaves nothing behind.</summary>
    public void Dispose()
    {
        if (_archive is not null)
        {
            _archive.Dispose();
            _archive = null;
            File.Delete(_temporary);
        }
    }

    private ZipArchive Archive => _archive ?? throw new InvalidOperationException("The recording has ended.");
}

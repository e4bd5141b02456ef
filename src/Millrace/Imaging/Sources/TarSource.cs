using System.Formats.Tar;
using System.Runtime.CompilerServices;

namespace Millrace.Imaging.Sources;

/// <summary>The pictures of a tar archive, in its order.</summary>
/// <param name="path">The archive.</param>
/// <param name="framesPerSecond">Pace; above 0.</param>
public sealed class TarSource(string path, double framesPerSecond) : IFrameSource
{
    /// <inheritdoc/>
    public int? Count => null;

    /// <inheritdoc/>
    public double? FramesPerSecond => framesPerSecond;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await using FileStream file = File.OpenRead(path);
        await using var archive = new TarReader(file);
        long id = 0;
        while (await Guarded(archive.GetNextEntryAsync(cancellationToken: cancellationToken)) is { } entry)
        {
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
            {
                continue;
            }

            string name = $"{path}: {entry.Name}";
            PictureLimits.CheckBytes(entry.Length, name);
            using var decoder = SkiaDecoder.Open(await Guarded(BytesAsync(entry, cancellationToken)), name);
            yield return decoder.Decode(0, id, TimeSpan.FromSeconds(id / framesPerSecond));
            id++;
        }

        if (id == 0)
        {
            throw new InvalidDataException($"'{path}' holds no picture.");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async ValueTask<byte[]> BytesAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await (entry.DataStream ?? Stream.Null).CopyToAsync(bytes, cancellationToken); // an empty file has no stream
        return bytes.ToArray();
    }

    private async ValueTask<T> Guarded<T>(ValueTask<T> reading)
    {
        try
        {
            return await reading;
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException or FormatException or OverflowException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is a damaged or truncated tar archive: {error.Message}", error);
        }
    }
}

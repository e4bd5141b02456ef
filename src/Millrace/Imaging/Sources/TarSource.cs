using System.Formats.Tar;
using System.Runtime.CompilerServices;

namespace Millrace.Imaging.Sources;

/// <summary>The pictures of a tar archive, in its order.</summary>
/// <param name="path">The archive.</param>
/// <param name="framesPerSecond">Pace; above 0.</param>
public sealed class TarSource(string path, double framesPerSecond) : IFrameSource
{
    private const long LongestPicture = 256L << 20;

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
        while (await NextAsync(archive, cancellationToken) is { } entry)
        {
            if (entry.DataStream is not { } data)
            {
                continue;
            }

            if (entry.Length > LongestPicture)
            {
                throw new InvalidDataException($"'{path}': '{entry.Name}' has {entry.Length} bytes; a picture has at most {LongestPicture}.");
            }

            using var bytes = new MemoryStream();
            await data.CopyToAsync(bytes, cancellationToken);
            using var decoder = SkiaDecoder.Open(bytes.ToArray(), $"{path}: {entry.Name}");
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

    private async Task<TarEntry?> NextAsync(TarReader archive, CancellationToken cancellationToken)
    {
        try
        {
            return await archive.GetNextEntryAsync(cancellationToken: cancellationToken);
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException($"'{path}' is a damaged or truncated tar archive: {error.Message}", error);
        }
    }
}

using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Millrace.Imaging.Sources;

/// <summary>The pictures of a folder, in the order in which a person counts: 2.png before 10.png.</summary>
public sealed partial class FolderSource : IFrameSource
{
    private readonly string[] _paths;
    private readonly double _framesPerSecond;

    /// <summary>Lists a folder.</summary>
    /// <param name="folder">Where the pictures are; every visible file in it must be one.</param>
    /// <param name="framesPerSecond">Pace; above 0.</param>
    /// <exception cref="InvalidDataException">Where the folder holds no file.</exception>
    public FolderSource(string folder, double framesPerSecond)
    {
        _framesPerSecond = framesPerSecond;
        _paths = [.. Directory.EnumerateFiles(folder)
            .Where(path => !Path.GetFileName(path).StartsWith('.'))
            .OrderBy(path => Number().Replace(Path.GetFileName(path), digits => digits.Value.PadLeft(20, '0')), StringComparer.Ordinal)
            .ThenBy(path => path, StringComparer.Ordinal)];
        if (_paths.Length == 0)
        {
            throw new InvalidDataException($"The folder '{folder}' holds no file.");
        }
    }

    /// <inheritdoc/>
    public int? Count => _paths.Length;

    /// <inheritdoc/>
    public double? FramesPerSecond => _framesPerSecond;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (int id = 0; id < _paths.Length; id++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var decoder = SkiaDecoder.Open(PictureLimits.ReadFile(_paths[id]), _paths[id]);
            yield return decoder.Decode(0, id, TimeSpan.FromSeconds(id / _framesPerSecond));
            await Task.Yield();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Number();
}

using System.Runtime.CompilerServices;
using Millrace.Imaging;

namespace Millrace.Cli;

/// <summary>The first frames of a source.</summary>
internal sealed class FirstFrames(IFrameSource source, int count) : IFrameSource
{
    public int? Count => Math.Min(source.Count ?? count, count);

    public double? FramesPerSecond => source.FramesPerSecond;

    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        int left = count;
        await foreach (Frame frame in source.ReadAsync(cancellationToken))
        {
            yield return frame;
            if (--left == 0)
            {
                yield break;
            }
        }
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();
}

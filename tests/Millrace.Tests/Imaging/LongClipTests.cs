using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;

namespace Millrace.Tests.Imaging;

/// <summary>Sources and sinks hold a frame or two, whatever the length of a clip.</summary>
public sealed class LongClipTests : IDisposable
{
    private const int Side = 96;

    private readonly string _folder = Directory.CreateTempSubdirectory("millrace").FullName;

    [Theory]
    [InlineData("clip.webp")]
    [InlineData("clip.gif")]
    [InlineData("clip.png")]
    [InlineData("clip/")]
    public async Task Five_hundred_frames_need_the_memory_of_a_few(string name)
    {
        string path = Path.Combine(_folder, name);
        var rgb = new byte[3 * Side * Side];
        await using (IFrameSink sink = FrameSinks.Create(path))
        {
            for (int id = 0; id < 500; id++)
            {
                rgb[id] = 255;
                await sink.WriteAsync(new Frame(id, TimeSpan.FromSeconds(id / 10.0), Side, Side, [.. rgb]));
            }

            await sink.CompleteAsync();
        }

        List<WeakReference> read = [];
        await using IFrameSource source = FrameSources.Open(path.TrimEnd('/'));
        await foreach (Frame next in source.ReadAsync())
        {
            read.Add(new WeakReference(next.Rgb));
        }

        GC.Collect();
        Assert.Equal(500, read.Count);
        Assert.True(read.Count(pixels => pixels.IsAlive) <= 3);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

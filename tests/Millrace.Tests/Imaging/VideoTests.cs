using System.Diagnostics;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;

namespace Millrace.Tests.Imaging;

/// <summary>Videos as they come: with sound, with uneven times, of odd sizes and under odd names.</summary>
public sealed class VideoTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("millrace").FullName;

    public VideoTests() => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "ffmpeg"))),
        "ffmpeg is not installed.");

    [Theory]
    [InlineData("mp4")]
    [InlineData("mkv")]
    public async Task Sound_may_outlast_the_picture(string extension)
    {
        string path = PathOf("song." + extension);
        Make(path, "-f lavfi -i testsrc=size=64x48:rate=10:duration=1 -f lavfi -i sine=duration=4");
        Assert.Equal(10, (await Read(path)).Length);
    }

    [Fact]
    public async Task Frames_may_last_differently_long()
    {
        string path = PathOf("uneven.mkv");
        Make(path, "-f lavfi -i testsrc=size=64x48:rate=30:duration=2 -vf select='lt(n,5)+eq(n,59)' -fps_mode vfr");
        Assert.Equal(6, (await Read(path)).Length);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(65, 48)]
    public async Task Odd_sizes_are_filled_up(int width, int height)
    {
        string path = PathOf("odd.mp4");
        await using (IFrameSink sink = FrameSinks.Create(path))
        {
            for (int id = 0; id < 5; id++)
            {
                await sink.WriteAsync(new Frame(id, TimeSpan.FromSeconds(id / 10.0), width, height, [.. Enumerable.Repeat((byte)200, width * height * 3)]));
            }

            await sink.CompleteAsync();
        }

        Frame[] read = await Read(path);
        Assert.Equal(5, read.Length);
        Assert.Equal((width + (width % 2), height + (height % 2)), (read[0].Width, read[0].Height));
        Assert.All(read[0].Rgb, value => Assert.InRange(value, 190, 210));
    }

    [Fact]
    public async Task A_slow_reader_gets_every_frame()
    {
        Make(PathOf("clip.mp4"), "-f lavfi -i testsrc=size=64x48:rate=10:duration=4");
        await using IFrameSource source = FrameSources.Open(PathOf("clip.mp4"));
        long count = 0;
        await foreach (Frame frame in source.ReadAsync())
        {
            Assert.Equal(count++, frame.Id);
            await Task.Delay(25); // ffmpeg has long ended
        }

        Assert.Equal(40, count);
    }

    [Theory]
    [InlineData("it's.mp4")]
    [InlineData("two words - and 100%.mp4")]
    [InlineData("-i.mp4")]
    [InlineData("caf\u00e9 \u6c34.mp4")]
    public async Task Names_are_taken_as_they_are(string name)
    {
        Make(PathOf("plain.mp4"), "-f lavfi -i testsrc=size=64x48:rate=10:duration=1");
        File.Move(PathOf("plain.mp4"), PathOf(name));
        Assert.Equal(10, (await Read(PathOf(name))).Length);
    }

    [Fact]
    public async Task A_name_that_the_command_line_cannot_hold_is_refused()
    {
        Make(PathOf("plain.mp4"), "-f lavfi -i testsrc=size=64x48:rate=10:duration=1");
        File.Move(PathOf("plain.mp4"), PathOf("a\"b.mp4"));
        Assert.Contains("quotation mark", (await Assert.ThrowsAsync<ArgumentException>(async () => await Read(PathOf("a\"b.mp4")))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Make(string path, string arguments)
    {
        using var ffmpeg = Process.Start(new ProcessStartInfo("ffmpeg", $"-loglevel error -y {arguments} \"{path}\""))!;
        ffmpeg.WaitForExit();
        Assert.Equal(0, ffmpeg.ExitCode);
    }

    private static async Task<Frame[]> Read(string path)
    {
        await using IFrameSource source = FrameSources.Open(path);
        return await source.ReadAsync().ToArrayAsync();
    }

    private string PathOf(string name) => Path.Combine(_folder, name);
}

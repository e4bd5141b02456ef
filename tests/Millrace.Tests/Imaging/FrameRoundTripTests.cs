using CsCheck;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Imaging;

public sealed class FrameRoundTripTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("millrace").FullName;

    public static TheoryData<string, int, int, double> Formats => new()
    {
        // extension, width, height, largest mean difference of a channel, of 255
        { ".png", 16, 16, 0 }, { ".png", 1, 1, 0 }, { ".png", 3, 5, 0 }, { ".apng", 64, 36, 0 },
        { ".webp", 16, 16, 12 }, { ".webp", 3, 5, 40 }, { ".webp", 64, 36, 12 },
        { ".gif", 16, 16, 6 }, { ".gif", 3, 5, 6 }, { ".gif", 64, 36, 6 },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task An_animation_comes_back_with_its_frames_and_times(string extension, int width, int height, double bound)
    {
        Frame[] frames = await Frames(7, width, height);
        string path = PathOf("clip" + extension);
        await Write(path, frames, new FrameSinkOptions { FramesPerSecond = 8 });
        Frame[] read = await Read(path);

        Assert.Equal(7, read.Length);
        Assert.All(read.Zip(frames), pair => Assert.True(Difference(pair.First, pair.Second) <= bound, $"{Difference(pair.First, pair.Second)}"));
        Assert.Equal(6 / 8.0, read[^1].Timestamp.TotalSeconds, 0.02);
        Assert.Equal([Path.GetFileName(path)], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Lossless_webp_is_exact()
    {
        Frame[] frames = await Frames(3, 20, 12);
        await Write(PathOf("clip.webp"), frames, new FrameSinkOptions { Quality = 100 });
        Assert.All((await Read(PathOf("clip.webp"))).Zip(frames), pair => Assert.Equal(pair.Second.Rgb, pair.First.Rgb));
    }

    [Fact]
    public async Task A_gif_of_many_colours_fills_and_clears_its_code_table()
    {
        var random = new Random(3);
        var rgb = new byte[3 * 300 * 200];
        random.NextBytes(rgb);
        var noise = new Frame(0, TimeSpan.Zero, 300, 200, rgb);
        await Write(PathOf("noise.gif"), [noise, noise with { Id = 1 }], new FrameSinkOptions());
        Assert.All(await Read(PathOf("noise.gif")), frame => Assert.True(Difference(frame, noise) < 20));
    }

    [Fact]
    public async Task A_folder_keeps_every_frame_and_counts_as_a_person_does()
    {
        Frame[] frames = await Frames(3, 9, 7);
        await Write(PathOf("pictures") + "/", frames, new FrameSinkOptions());
        Assert.All((await Read(PathOf("pictures"))).Zip(frames), pair => Assert.Equal(pair.Second.Rgb, pair.First.Rgb));

        Directory.CreateDirectory(PathOf("named"));
        foreach ((string name, int index) in new[] { ("10.png", 2), ("2.png", 1), ("1.png", 0) })
        {
            File.WriteAllBytes(Path.Combine(PathOf("named"), name), SkiaFrames.EncodePng(frames[index]));
        }

        Assert.All((await Read(PathOf("named"))).Zip(frames), pair => Assert.Equal(pair.Second.Rgb, pair.First.Rgb));
    }

    [Fact]
    public async Task Raw_frames_pass_through_a_pipe()
    {
        Frame[] frames = await Frames(4, 5, 3);
        using var pipe = new MemoryStream();
        var sink = new RawSink(pipe, "the pipe");
        foreach (Frame frame in frames)
        {
            await sink.WriteAsync(frame);
        }

        await using var source = new RawSource(new MemoryStream(pipe.ToArray()), "the pipe", new FrameSourceOptions { RawSize = (5, 3) });
        Frame[] read = await source.ReadAsync().ToArrayAsync();
        Assert.All(read.Zip(frames), pair => Assert.Equal(pair.Second.Rgb, pair.First.Rgb));
    }

    [Fact]
    public async Task Raw_layouts_are_told_apart()
    {
        async Task<byte[]> Pixel(RawFormat format, byte[] bytes)
        {
            await using var source = new RawSource(new MemoryStream(bytes), "the pipe", new FrameSourceOptions { RawSize = (1, 1), RawFormat = format });
            return (await source.ReadAsync().FirstAsync()).Rgb;
        }

        Assert.Equal([1, 2, 3], await Pixel(RawFormat.Rgb24, [1, 2, 3]));
        Assert.Equal([1, 2, 3], await Pixel(RawFormat.Bgr24, [3, 2, 1]));
        Assert.Equal([1, 2, 3], await Pixel(RawFormat.Rgba32, [1, 2, 3, 9]));
        Assert.Equal([0, 128, 255], await Pixel(RawFormat.RgbFloat, [.. BitConverter.GetBytes(-1f), .. BitConverter.GetBytes(0.5f), .. BitConverter.GetBytes(1f)]));
    }

    [Theory]
    [InlineData(".mp4")]
    [InlineData(".mkv")]
    public async Task A_video_comes_back_close(string extension)
    {
        Assert.SkipUnless(HasFFmpeg(), "ffmpeg is not installed.");
        Frame[] frames = await Frames(12, 64, 48);
        await Write(PathOf("clip" + extension), frames, new FrameSinkOptions { FramesPerSecond = 12 });
        Frame[] read = await Read(PathOf("clip" + extension));
        Assert.Equal(12, read.Length);
        Assert.All(read.Zip(frames), pair => Assert.True(Difference(pair.First, pair.Second) < 12));
    }

    [Fact]
    public async Task A_cancelled_output_is_valid_and_a_failed_one_leaves_nothing()
    {
        Frame[] frames = await Frames(3, 8, 8);
        IFrameSink sink = FrameSinks.Create(PathOf("half.webp"));
        await sink.WriteAsync(frames[0]);
        await sink.WriteAsync(frames[1]);
        await sink.CompleteAsync();
        await sink.DisposeAsync();
        Assert.Equal(2, (await Read(PathOf("half.webp"))).Length);

        IFrameSink failed = FrameSinks.Create(PathOf("failed.gif"));
        await failed.WriteAsync(frames[0]);
        var other = new Frame(1, TimeSpan.Zero, 4, 4, new byte[48]);
        Assert.Contains("must be 8 x 8", (await Assert.ThrowsAsync<ArgumentException>(async () => await failed.WriteAsync(other))).Message, StringComparison.Ordinal);
        await failed.DisposeAsync();
        Assert.Equal(["half.webp"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_full_disk_is_told_in_one_sentence()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full.");
        Frame[] frames = await Frames(1, 300, 300);
        string path = PathOf("full.png");
        File.CreateSymbolicLink(path + ".partial", "/dev/full");
        IFrameSink sink = FrameSinks.Create(path);
        IOException error = await Assert.ThrowsAsync<IOException>(async () =>
        {
            await sink.WriteAsync(frames[0]);
            await sink.CompleteAsync();
        });
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("No space left", error.Message, StringComparison.Ordinal);
        await sink.DisposeAsync();
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task An_output_onto_its_own_input_is_refused()
    {
        Frame[] frames = await Frames(2, 8, 8);
        await Write(PathOf("clip.webp"), frames, new FrameSinkOptions());
        File.CreateSymbolicLink(PathOf("link.webp"), PathOf("clip.webp"));
        Assert.Contains("the input itself", Assert.Throws<ArgumentException>(
            () => FrameSinks.Create(PathOf("link.webp"), new FrameSinkOptions { SourcePath = PathOf("clip.webp") })).Message, StringComparison.Ordinal);
        Assert.Contains(".webp", Assert.Throws<ArgumentException>(() => FrameSinks.Create(PathOf("x.doc"))).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => FrameSinks.Create(PathOf("no/such/x.webp")));
    }

    [Fact]
    public async Task Sources_that_are_not_what_they_say_are_refused_by_name()
    {
        async Task<string> Refusal(string name, byte[] content)
        {
            File.WriteAllBytes(PathOf(name), content);
            return (await Assert.ThrowsAnyAsync<InvalidDataException>(async () => await Read(PathOf(name)))).Message;
        }

        Assert.Contains("it is a text file", await Refusal("movie.mp4", "not a video at all\n"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("it is empty", await Refusal("empty.mp4", []), StringComparison.Ordinal);
        Assert.Contains("it begins with", await Refusal("strange.bin", [1, 2, 3, 4, 5, 6, 7, 8, 9]), StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => FrameSources.Open(PathOf("nothing.png")));

        Frame[] frames = await Frames(3, 40, 40);
        await Write(PathOf("whole.png"), frames, new FrameSinkOptions());
        byte[] whole = File.ReadAllBytes(PathOf("whole.png"));
        Assert.Contains("truncated", await Refusal("cut.png", whole[..(whole.Length / 2)]), StringComparison.Ordinal);

        Directory.CreateDirectory(PathOf("none"));
        Assert.Contains("holds no file", Assert.Throws<InvalidDataException>(() => FrameSources.Open(PathOf("none"))).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(PathOf("none"), "a.txt"), "text");
        Assert.Contains("a.txt", (await Assert.ThrowsAsync<InvalidDataException>(async () => await Read(PathOf("none")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Broken_videos_are_refused_in_one_sentence()
    {
        Assert.SkipUnless(HasFFmpeg(), "ffmpeg is not installed.");
        Frame[] frames = await Frames(60, 128, 128);
        await Write(PathOf("clip.mkv"), frames, new FrameSinkOptions { FramesPerSecond = 30 });
        byte[] whole = File.ReadAllBytes(PathOf("clip.mkv"));
        File.WriteAllBytes(PathOf("cut.mkv"), whole[..(whole.Length / 3)]);
        Assert.Contains("cut.mkv", (await Assert.ThrowsAsync<InvalidDataException>(async () => await Read(PathOf("cut.mkv")))).Message, StringComparison.Ordinal);
        File.WriteAllBytes(PathOf("head.mp4"), [0, 0, 0, 24, .. "ftypisom"u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Contains("head.mp4", (await Assert.ThrowsAsync<InvalidDataException>(async () => await Read(PathOf("head.mp4")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Raw_frames_that_are_cut_off_or_no_numbers_are_refused_with_their_place()
    {
        async Task<string> Refusal(RawFormat format, byte[] bytes)
        {
            await using var source = new RawSource(new MemoryStream(bytes), "the pipe", new FrameSourceOptions { RawSize = (2, 1), RawFormat = format });
            return (await Assert.ThrowsAsync<InvalidDataException>(async () => await source.ReadAsync().CountAsync())).Message;
        }

        Assert.Contains("Frame 1 on the pipe has 2 bytes", await Refusal(RawFormat.Rgb24, new byte[8]), StringComparison.Ordinal);
        Assert.Contains("Frame 0 on the pipe has 0 bytes", await Refusal(RawFormat.Rgb24, []), StringComparison.Ordinal);
        byte[] floats = [.. Enumerable.Range(0, 6).SelectMany(index => BitConverter.GetBytes(index == 4 ? float.NaN : 0f))];
        Assert.Contains("NaN at column 1 of row 0", await Refusal(RawFormat.RgbFloat, floats), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".png")]
    [InlineData(".webp")]
    [InlineData(".gif")]
    public async Task Mutated_files_never_do_worse_than_being_refused(string extension)
    {
        await Write(PathOf("seed" + extension), await Frames(3, 12, 12), new FrameSinkOptions());
        byte[] seed = File.ReadAllBytes(PathOf("seed" + extension));
        string path = PathOf("mutant" + extension);
        Gen.Select(Gen.Int[0, seed.Length - 1], Gen.Byte, Gen.Int[0, seed.Length - 1], Gen.Byte, Gen.Int[1, seed.Length]).Sample(
            (place, value, secondPlace, secondValue, length) =>
            {
                byte[] mutant = [.. seed];
                mutant[place] = value;
                mutant[secondPlace] = secondValue;
                File.WriteAllBytes(path, mutant[..length]);
                try
                {
                    _ = Read(path).GetAwaiter().GetResult();
                }
                catch (InvalidDataException)
                {
                }
            },
            iter: 300, threads: 1);
    }

    [Theory]
    [InlineData(FitMode.Letterbox)]
    [InlineData(FitMode.Crop)]
    [InlineData(FitMode.Stretch)]
    public async Task Every_size_fits(FitMode mode)
    {
        foreach ((int width, int height) in new[] { (1, 1), (3, 5), (641, 359), (64, 64) })
        {
            Frame fitted = new FrameFit(64, 32, mode).Apply((await Frames(1, width, height))[0]);
            Assert.Equal((64, 32), (fitted.Width, fitted.Height));
        }

        // A picture twice as wide as high, red left and blue right, into a square.
        byte[] rgb = [.. Enumerable.Range(0, 8 * 4).SelectMany(pixel => pixel % 8 < 4 ? new byte[] { 255, 0, 0 } : [0, 0, 255])];
        Frame square = new FrameFit(8, 8, mode).Apply(new Frame(0, TimeSpan.Zero, 8, 4, rgb));
        byte[] corner = square.Rgb[..3], middleLeft = square.Rgb[(3 * 8 * 4)..((3 * 8 * 4) + 3)];
        Assert.Equal(mode == FitMode.Letterbox ? [0, 0, 0] : [255, 0, 0], corner);
        Assert.Equal([255, 0, 0], middleLeft);
    }

    [Fact]
    public async Task Pixels_become_a_tensor_and_come_back()
    {
        using var scope = NewDisposeScope();
        Frame frame = (await Frames(1, 5, 3))[0];
        Tensor image = PixelConversion.ToTensor(frame);
        Assert.Equal([1, 3, 3, 5], image.shape);
        Assert.Equal((frame.Rgb[3 * 7] / 127.5f) - 1, image[0, 0, 1, 2].item<float>(), 1e-6f);
        Assert.Equal(frame.Rgb, PixelConversion.ToFrame(image, 0, TimeSpan.Zero).Rgb);
        image[0, 1, 1, 1].Fill(float.NaN);
        Assert.Contains("Frame 9", Assert.Throws<InvalidDataException>(() => PixelConversion.ToFrame(image, 9, TimeSpan.Zero)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Real_pictures_and_clips_are_read()
    {
        Assert.Equal(36, (await Read(SharedData.Require("data/video/newtonscradle.gif"))).Length);
        Assert.Equal(140, (await Read(SharedData.Require("data/video/cockatoo-frames-384x216.tar"))).Length);
        Frame photo = Assert.Single(await Read(SharedData.Require("data/photos/misc/rocket.jpg")));
        Assert.Equal((640, 427), (photo.Width, photo.Height));
        if (HasFFmpeg())
        {
            Assert.Equal(280, (await Read(SharedData.Require("data/video/cockatoo.mp4"))).Length);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static bool HasFFmpeg() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "ffmpeg")));

    private static async Task<Frame[]> Read(string path)
    {
        await using IFrameSource source = FrameSources.Open(path);
        return await source.ReadAsync().ToArrayAsync();
    }

    private static async Task Write(string path, Frame[] frames, FrameSinkOptions options)
    {
        await using IFrameSink sink = FrameSinks.Create(path, options);
        foreach (Frame frame in frames)
        {
            await sink.WriteAsync(frame);
        }

        await sink.CompleteAsync();
    }

    private static async Task<Frame[]> Frames(int count, int width, int height)
    {
        var fit = new FrameFit(width, height, FitMode.Stretch);
        await using var source = new SyntheticSource(count, side: 96);
        return await source.ReadAsync().Select(fit.Apply).ToArrayAsync();
    }

    private static double Difference(Frame first, Frame second) => first.Rgb.Zip(second.Rgb).Average(pair => Math.Abs(pair.First - pair.Second));

    private string PathOf(string name) => Path.Combine(_folder, name);
}

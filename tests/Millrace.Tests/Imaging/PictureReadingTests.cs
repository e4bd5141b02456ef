using Millrace.Imaging;
using Millrace.Imaging.Sources;
using SkiaSharp;

namespace Millrace.Tests.Imaging;

/// <summary>What cameras, browsers and attackers put into a picture file.</summary>
public sealed class PictureReadingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("millrace").FullName;

    [Theory]
    [InlineData(1, 24, 16, 0, 0)]
    [InlineData(2, 24, 16, 1, 0)]
    [InlineData(3, 24, 16, 1, 1)]
    [InlineData(4, 24, 16, 0, 1)]
    [InlineData(5, 16, 24, 0, 0)]
    [InlineData(6, 16, 24, 1, 0)]
    [InlineData(7, 16, 24, 1, 1)]
    [InlineData(8, 16, 24, 0, 1)]
    public async Task A_picture_stands_as_its_camera_says(int orientation, int width, int height, int right, int bottom)
    {
        using var bitmap = new SKBitmap(24, 16);
        bitmap.Erase(SKColors.White);
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.DrawRect(0, 0, 8, 8, new SKPaint { Color = SKColors.Black }); // the corner at the top left, as stored
        }

        using SKData jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);
        Frame frame = await First(Write("turned.jpg", [0xff, 0xd8, .. Exif((byte)orientation), .. jpeg.AsSpan()[2..]]));

        Assert.Equal((width, height), (frame.Width, frame.Height));
        Assert.True(Red(frame, right == 0 ? 3 : width - 4, bottom == 0 ? 3 : height - 4) < 40);
        Assert.True(Red(frame, right == 1 ? 3 : width - 4, bottom == 1 ? 3 : height - 4) > 215);
    }

    [Fact]
    public async Task What_is_transparent_is_white()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(2, 1, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.SetPixel(0, 0, new SKColor(10, 20, 30, 0));
        bitmap.SetPixel(1, 0, new SKColor(255, 0, 0, 128));
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        Frame frame = await First(Write("glass.png", png.ToArray()));
        Assert.Equal([255, 255, 255], frame.Rgb[..3]);
        Assert.Equal(255, frame.Rgb[3]);
        Assert.InRange(frame.Rgb[4], 126, 128);
    }

    [Fact]
    public void A_small_file_that_claims_to_be_huge_is_refused_before_memory_is_taken()
    {
        using var png = new MemoryStream();
        png.Write(PngChunks.Signature);
        PngChunks.Write(png, "IHDR", [0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0]); // 60,000 x 60,000
        PngChunks.Write(png, "IDAT", [0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
        PngChunks.Write(png, "IEND", []);
        byte[] gif = [.. "GIF89a"u8, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b];
        foreach (string path in new[] { Write("bomb.png", png.ToArray()), Write("bomb.gif", gif) })
        {
            long before = GC.GetTotalAllocatedBytes();
            var error = Assert.Throws<InvalidDataException>(() => FrameSources.Open(path));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.True(GC.GetTotalAllocatedBytes() - before < 64 << 20);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int Red(Frame frame, int x, int y) => frame.Rgb[3 * ((y * frame.Width) + x)];

    /// <summary>A segment with the one entry "orientation" (0x0112).</summary>
    private static byte[] Exif(byte orientation) =>
        [0xff, 0xe1, 0, 34, .. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];

    private static async Task<Frame> First(string path)
    {
        await using IFrameSource source = FrameSources.Open(path);
        return await source.ReadAsync().FirstAsync();
    }

    private string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}

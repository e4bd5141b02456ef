using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Millrace.Imaging;
using Millrace.Server.Images;
using Millrace.Server.Provenance;
using Millrace.Tests.Cli;
using SkiaSharp;

namespace Millrace.Tests.Server;

/// <summary>Pictures say that they were generated, and how.</summary>
public sealed class ProvenanceTests
{
    private static readonly XNamespace Iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", Settings = "urn:millrace:settings:1";

    [Theory]
    [InlineData("png")]
    [InlineData("jpeg")]
    [InlineData("webp")]
    public async Task A_picture_carries_its_making(string format)
    {
        await using ServerHost host = await ServerHost.StartAsync();
        const string Prompt = "a <red> & \"blue\" car, naïve \u2603";
        using HttpResponseMessage response = await host.Http.PostAsJsonAsync("/v1/images/generations", new { prompt = Prompt, seed = 7, steps = 2, output_format = format }, TestContext.Current.CancellationToken);
        byte[] picture = (await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64();

        JsonElement made = MadeOf(picture);
        Assert.Equal((Prompt, 7, "tiny"), (made.GetProperty("prompt").GetString(), made.GetProperty("seed").GetInt32(), made.GetProperty("model").GetString()));
        using SKBitmap bitmap = SKBitmap.Decode(picture);
        Assert.NotNull(bitmap);
    }

    [Fact]
    public async Task A_stream_s_pictures_carry_theirs_and_the_visible_mark()
    {
        await using ServerHost plain = await ServerHost.StartAsync();
        await using ServerHost marked = await ServerHost.StartAsync(options => options with { VisibleMark = true });
        byte[] without = await LiveTests.PictureOf(plain, 90, "a"), with = await LiveTests.PictureOf(marked, 90, "a");
        Assert.NotEqual(without, with);

        (StreamClient client, JsonElement welcome) = await StreamClient.OpenAsync(plain.StreamAddress, new { codec = "webp", prompt = "b", seed = 3 });
        await client.ShowAsync(0, LiveTests.Side(welcome), 90);
        JsonElement made = MadeOf((await client.SeeAsync()).Bytes).GetProperty("settings");
        Assert.Equal(("b", 3), (made.GetProperty("prompt").GetString(), made.GetProperty("seed").GetInt32()));
    }

    [Theory]
    [InlineData("png", 1)]
    [InlineData("png", 30)]
    [InlineData("jpeg", 17)]
    [InlineData("webp", 17)]
    [InlineData("webp", 40)]
    public void Metadata_leaves_the_pixels_as_they_were(string name, int side)
    {
        var format = Enum.Parse<PictureFormat>(name, ignoreCase: true);
        byte[] pixels = new byte[3 * side * (side + 1)];
        new Random(side).NextBytes(pixels);
        byte[] encoded = format.Encode(new Frame(0, default, side, side + 1, pixels), 90);
        byte[] with = MetadataEmbedding.Embed(encoded, format, XmpPacket.Of("{\"a\":1}", DateTimeOffset.UnixEpoch));

        using SKBitmap before = SKBitmap.Decode(encoded), after = SKBitmap.Decode(with);
        Assert.Equal(before.GetPixelSpan().ToArray(), after.GetPixelSpan().ToArray());
        Assert.Equal(1, MadeOf(with).GetProperty("a").GetInt32());
    }

    [Theory]
    [InlineData("png", 100)]
    [InlineData("jpeg", 90)]
    [InlineData("webp", 90)]
    public void The_invisible_mark_outlives_the_format_and_is_found_in_no_other_picture(string name, int quality)
    {
        var format = Enum.Parse<PictureFormat>(name, ignoreCase: true);
        foreach (Frame picture in Pictures())
        {
            Frame marked = InvisibleMark.Apply(picture);
            Assert.InRange(picture.Rgb.Zip(marked.Rgb, (one, other) => Math.Abs(one - other)).Average(), 0.1, 2);
            Assert.True(PictureOrigin.Read(format.Encode(marked, quality), "marked").Marked);
            Assert.InRange(PictureOrigin.Read(format.Encode(picture, quality), "unmarked").MarkCertainty, -5, 5);
        }
    }

    [Fact]
    public async Task A_picture_tells_who_made_it()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { InvisibleMark = true });
        using HttpResponseMessage response = await host.Http.PostAsJsonAsync("/v1/images/generations", new { prompt = "a", steps = 2, size = "256x256" }, TestContext.Current.CancellationToken);
        byte[] picture = (await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64();
        using var folder = new TemporaryFolder();
        await File.WriteAllBytesAsync(folder.File("picture.png"), picture, TestContext.Current.CancellationToken);

        CommandLineResult told = await CommandLine.RunAsync("inspect", folder.File("picture.png")), json = await CommandLine.RunAsync("inspect", folder.File("picture.png"), "--json");
        Assert.Contains("metadata  a trained model made it", told.Output);
        Assert.Contains("\"prompt\":\"a\"", told.Output);
        Assert.Contains("mark      found", told.Output);
        JsonElement origin = JsonDocument.Parse(json.Output).RootElement;
        Assert.True(origin.GetProperty("saysGenerated").GetBoolean() && origin.GetProperty("marked").GetBoolean());
        await File.WriteAllBytesAsync(folder.File("cut.png"), picture[..200], TestContext.Current.CancellationToken);
        Assert.Equal(3, (await CommandLine.RunAsync("inspect", folder.File("cut.png"))).ExitCode);
    }

    /// <summary>A gradient, waves, and grain.</summary>
    private static IEnumerable<Frame> Pictures()
    {
        const int Width = 256, Height = 192;
        Frame Paint(Func<int, int, double> value) =>
            new(0, default, Width, Height, [.. Enumerable.Range(0, Width * Height).SelectMany(pixel => Enumerable.Repeat((byte)value(pixel % Width, pixel / Width), 3))]);
        var random = new Random(1);
        yield return Paint((x, y) => (x + y) / 2);
        yield return Paint((x, y) => 128 + (90 * Math.Sin(x / 9.0) * Math.Cos(y / 14.0)));
        yield return Paint((_, _) => random.Next(95, 160));
    }

    /// <summary>The settings in a picture's packet; found as any reader finds it, by its markers.</summary>
    private static JsonElement MadeOf(byte[] picture)
    {
        string text = Encoding.UTF8.GetString(picture);
        int start = text.IndexOf("<x:xmpmeta", StringComparison.Ordinal), end = text.IndexOf("</x:xmpmeta>", StringComparison.Ordinal);
        Assert.InRange(start, 0, end);
        XDocument packet = XDocument.Parse(text[start..(end + "</x:xmpmeta>".Length)]);
        Assert.EndsWith("trainedAlgorithmicMedia", packet.Descendants(Iptc + "DigitalSourceType").Single().Value);
        return JsonDocument.Parse(packet.Descendants(Settings + "settings").Single().Value).RootElement;
    }
}

using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Millrace.Imaging;
using Millrace.Server.Images;
using Millrace.Server.Provenance;
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

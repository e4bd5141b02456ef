using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Millrace.Imaging;
using Millrace.Server.Images;
using SkiaSharp;

namespace Millrace.Tests.Server;

/// <summary>Pictures on request, with the payloads that OpenAI's clients send.</summary>
public sealed class ImageTests
{
    private const string Generations = "/v1/images/generations", Edits = "/v1/images/edits";

    [Fact]
    public async Task Pictures_come_as_the_clients_of_OpenAI_expect_them()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        JsonElement answer = await AskAsync(host, new { model = "tiny", prompt = "a red car", n = 2, size = "48x32", quality = "low", response_format = "b64_json", seed = 5, user = "somebody" });

        Assert.InRange(DateTimeOffset.FromUnixTimeSeconds(answer.GetProperty("created").GetInt64()), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(1));
        byte[][] pictures = [.. answer.GetProperty("data").EnumerateArray().Select(PictureIn)];
        Assert.Equal(2, pictures.Length);
        Assert.All(pictures, picture => Assert.Equal((PictureFormat.Png, 48, 32), Describe(picture)));
        Assert.NotEqual(Pixels(pictures[0]), Pixels(pictures[1]));

        JsonElement second = await AskAsync(host, new { prompt = "a red car", size = "48x32", quality = "low", seed = 6 });
        Assert.Equal(Pixels(pictures[1]), Pixels(PictureIn(second.GetProperty("data")[0]))); // the seed of the second picture is the next one
    }

    [Theory]
    [InlineData("png")]
    [InlineData("jpeg")]
    [InlineData("webp")]
    public async Task Pictures_come_in_the_format_that_was_asked_for(string format)
    {
        await using ServerHost host = await ServerHost.StartAsync();
        JsonElement answer = await AskAsync(host, new { prompt = "a", steps = 2, output_format = format, output_compression = 80, response_format = "url" });
        string url = answer.GetProperty("data")[0].GetProperty("url").GetString()!;

        Assert.StartsWith($"data:image/{format};base64,", url);
        Assert.Equal(format, Describe(Convert.FromBase64String(url[(url.IndexOf(',') + 1)..])).Format.Name());
    }

    [Fact]
    public async Task A_stream_shows_progress_unfinished_pictures_and_the_last()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        using HttpResponseMessage response = await host.Http.PostAsJsonAsync(Generations, new { prompt = "a", n = 2, steps = 6, stream = true, partial_images = 2 }, TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        (string Event, JsonElement Data)[] events = Events(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.All(events, one => Assert.Equal(one.Event, one.Data.GetProperty("type").GetString()));
        Assert.Equal(12, events.Count(one => one.Event == "image_generation.progress"));
        Assert.Equal([0, 1, 0, 1], events.Where(one => one.Event == "image_generation.partial_image").Select(one => one.Data.GetProperty("partial_image_index").GetInt32()));
        JsonElement[] last = [.. events.Where(one => one.Event == "image_generation.completed").Select(one => one.Data)];
        Assert.Equal(2, last.Length);
        Assert.All(last, one => Assert.Equal(PictureFormat.Png, Describe(PictureIn(one)).Format));
        Assert.Equal("image_generation.completed", events[^1].Event);
    }

    [Fact]
    public async Task A_picture_is_edited_everywhere_or_only_where_the_mask_is_transparent()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        int side = await SideAsync(host);
        byte[] original = Png(side, side, (_, _) => SKColors.Red), mask = Png(side, side, (x, _) => x < side / 2 ? SKColors.Transparent : SKColors.Black);

        byte[] everywhere = await EditAsync(host, original, null, ("strength", "0.5"), ("n", "1"), ("seed", "3"));
        byte[] half = await EditAsync(host, original, mask, ("seed", "3"));

        Assert.Equal((PictureFormat.Png, side, side), Describe(everywhere));
        Assert.NotEqual(Pixels(original), Pixels(everywhere));
        using SKBitmap result = SKBitmap.Decode(half);
        Assert.Equal(SKColors.Red, result.GetPixel(side - 1, 0));
    }

    [Theory]
    [InlineData("{}", "prompt", 400)]
    [InlineData("{\"prompt\":\"\"}", "prompt", 400)]
    [InlineData("{\"prompt\":[1]}", "prompt", 400)]
    [InlineData("{\"prompt\":\"a\",\"n\":0}", "n must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"n\":\"many\"}", "n must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"size\":\"99999x99999\"}", "size must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"size\":\"16x20000\"}", "size must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"size\":\"-1x5\"}", "size must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"steps\":1e9}", "steps must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"guidance_scale\":\"NaN\"}", "guidance_scale must be", 400)]
    [InlineData("{\"prompt\":\"a\",\"quality\":\"best\"}", "quality must be one of", 400)]
    [InlineData("{\"prompt\":\"a\",\"output_format\":\"gif\"}", "output_format must be one of", 400)]
    [InlineData("{\"prompt\":\"a\",\"model\":\"../../etc/passwd\"}", "There is no model", 404)]
    [InlineData("{\"prompt\":", "no valid JSON", 400)]
    [InlineData("7", "must be a JSON object", 400)]
    [InlineData("", "no valid JSON", 400)]
    public async Task What_is_wrong_is_said_in_one_sentence(string body, string said, int status)
    {
        await using ServerHost host = await ServerHost.StartAsync();
        using HttpResponseMessage response = await host.Http.PostAsync(Generations, new StringContent(body, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        JsonElement problem = await JsonOf(response);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Contains(said, problem.GetProperty("detail").GetString());
        Assert.Equal(problem.GetProperty("detail").GetString(), problem.GetProperty("error").GetProperty("message").GetString()); // where OpenAI's clients look
        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task Bodies_of_another_kind_or_size_are_refused()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { MaximumBodyBytes = 10_000, MaximumPixels = 4096 });
        async Task<int> PostAsync(string address, HttpContent content) => (int)(await host.Http.PostAsync(address, content, TestContext.Current.CancellationToken)).StatusCode;
        byte[] good = Png(8, 8, (_, _) => SKColors.Red);

        Assert.Equal(415, await PostAsync(Generations, new StringContent("prompt=a", Encoding.UTF8, "text/plain")));
        Assert.Equal(415, await PostAsync(Edits, new StringContent("{}", Encoding.UTF8, "application/json")));
        Assert.Equal(413, await PostAsync(Generations, new StringContent($"{{\"prompt\":\"{new string('a', 20_000)}\"}}", Encoding.UTF8, "application/json")));
        Assert.Equal(400, await PostAsync(Generations, new StringContent($"{{\"prompt\":\"{new string('a', 5000)}\"}}", Encoding.UTF8, "application/json")));
        Assert.Equal(400, await PostAsync(Edits, new StringContent("--x\r\nbroken", Encoding.UTF8, MediaTypeHeaderValue.Parse("multipart/form-data; boundary=y"))));
        Assert.Equal(400, await PostAsync(Edits, Form(good[..^30])));
        Assert.Equal(400, await PostAsync(Edits, Form(Encoding.UTF8.GetBytes("GIF89a picture"))));
        Assert.Equal(400, await PostAsync(Edits, Form(Png(100, 100, (_, _) => SKColors.Red))));
        Assert.Equal(400, await PostAsync(Edits, Form(good, Png(8, 8, (_, _) => SKColors.Black))));
        Assert.Empty(host.Errors.Lines);
    }

    private static async Task<JsonElement> AskAsync(ServerHost host, object body)
    {
        using HttpResponseMessage response = await host.Http.PostAsJsonAsync(Generations, body, TestContext.Current.CancellationToken);
        JsonElement answer = await JsonOf(response);
        Assert.True(response.IsSuccessStatusCode, answer.ToString());
        return answer;
    }

    private static async Task<byte[]> EditAsync(ServerHost host, byte[] picture, byte[]? mask, params (string Name, string Value)[] fields)
    {
        using HttpResponseMessage response = await host.Http.PostAsync(Edits, Form(picture, mask, fields), TestContext.Current.CancellationToken);
        JsonElement answer = await JsonOf(response);
        Assert.True(response.IsSuccessStatusCode, answer.ToString());
        return PictureIn(answer.GetProperty("data")[0]);
    }

    private static MultipartFormDataContent Form(byte[] picture, byte[]? mask = null, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent { { new StringContent("a red car"), "prompt" }, { new ByteArrayContent(picture), "image", "../../picture.png" } };
        if (mask is not null)
        {
            form.Add(new ByteArrayContent(mask), "mask", "mask.png");
        }

        foreach ((string name, string value) in fields)
        {
            form.Add(new StringContent(value), name);
        }

        return form;
    }

    private static async Task<int> SideAsync(ServerHost host) => Describe(PictureIn((await AskAsync(host, new { prompt = "a", steps = 1 })).GetProperty("data")[0])).Width;

    private static async Task<JsonElement> JsonOf(HttpResponseMessage response) => JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;

    private static (string Event, JsonElement Data)[] Events(string text) =>
    [
        .. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(block => block.Split('\n')).Select(lines => (lines[0]["event: ".Length..], JsonDocument.Parse(lines[1]["data: ".Length..]).RootElement)),
    ];

    private static byte[] PictureIn(JsonElement data) => data.GetProperty("b64_json").GetBytesFromBase64();

    private static (PictureFormat Format, int Width, int Height) Describe(byte[] picture)
    {
        using SKBitmap bitmap = SKBitmap.Decode(picture);
        return (PictureFormats.Recognize(picture)!.Value, bitmap.Width, bitmap.Height);
    }

    private static byte[] Pixels(byte[] picture)
    {
        using SKBitmap bitmap = SkiaFrames.Decode(picture, SKAlphaType.Unpremul)!;
        return bitmap.GetPixelSpan().ToArray();
    }

    private static byte[] Png(int width, int height, Func<int, int, SKColor> colour)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                bitmap.SetPixel(x, y, colour(x, y));
            }
        }

        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}

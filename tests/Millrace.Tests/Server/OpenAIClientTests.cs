using System.ClientModel;
using Millrace.Server.Images;
using OpenAI;
using OpenAI.Images;
using OpenAI.Models;
using SkiaSharp;

namespace Millrace.Tests.Server;

/// <summary>OpenAI's own client, pointed at this server.</summary>
public sealed class OpenAIClientTests
{
    [Fact]
    public async Task It_lists_models_makes_pictures_edits_them_and_hears_what_is_wrong()
    {
        const string Key = "a-key-of-enough-letters";
        await using ServerHost host = await ServerHost.StartAsync(options => options with { ApiKeys = [Key] });
        var client = new OpenAIClient(new ApiKeyCredential(Key), new OpenAIClientOptions { Endpoint = new Uri(host.Http.BaseAddress!, "v1") });
        OpenAIModelCollection models = await client.GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        Assert.Equal("tiny", Assert.Single(models).Id);

        ImageClient images = client.GetImageClient("tiny");
        GeneratedImageCollection made = await images.GenerateImagesAsync(
            "a red car", 2, new ImageGenerationOptions { Size = new GeneratedImageSize(48, 32), ResponseFormat = GeneratedImageFormat.Bytes, EndUserId = "somebody" }, TestContext.Current.CancellationToken);
        Assert.Equal(2, made.Count);
        Assert.All(made, picture => Assert.Equal((PictureFormat.Png, 48, 32), Describe(picture)));

        using Stream original = made[0].ImageBytes.ToStream();
        GeneratedImage edited = await images.GenerateImageEditAsync(original, "car.png", "a blue car", new ImageEditOptions { ResponseFormat = GeneratedImageFormat.Bytes }, TestContext.Current.CancellationToken);
        Assert.Equal(PictureFormat.Png, Describe(edited).Format);

        var refused = await Assert.ThrowsAsync<ClientResultException>(() => client.GetImageClient("none").GenerateImageAsync("a", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(404, refused.Status);
        Assert.Contains("There is no model 'none'", refused.Message);
        var stranger = new ImageClient("tiny", new ApiKeyCredential("another-key-of-letters"), new OpenAIClientOptions { Endpoint = new Uri(host.Http.BaseAddress!, "v1") });
        Assert.Equal(401, (await Assert.ThrowsAsync<ClientResultException>(() => stranger.GenerateImageAsync("a", cancellationToken: TestContext.Current.CancellationToken))).Status);
    }

    private static (PictureFormat Format, int Width, int Height) Describe(GeneratedImage picture)
    {
        byte[] bytes = picture.ImageBytes.ToArray();
        using SKBitmap bitmap = SKBitmap.Decode(bytes);
        return (PictureFormats.Recognize(bytes)!.Value, bitmap.Width, bitmap.Height);
    }
}

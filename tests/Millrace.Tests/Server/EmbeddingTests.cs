using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Millrace.Server;
using Millrace.Server.Images;
using SkiaSharp;

namespace Millrace.Tests.Server;

/// <summary>The server as a part of another application.</summary>
public sealed class EmbeddingTests
{
    [Fact]
    public void Options_are_bound_from_configuration()
    {
        MillraceServerOptions options = Bind(
            ("Models:shapes", "/models/shapes"), ("Models:emoji", "/models/emoji"), ("DefaultModel", "shapes"), ("ApiKeys:0", "a-key-of-enough-letters"),
            ("AllowedOrigins:0", "https://studio.example"), ("MaximumStreams", "3"), ("LatencyTarget", "00:00:00.250"), ("WebApp", "false"));

        Assert.Equal(["emoji", "shapes"], options.Models.Keys.Order());
        Assert.Equal(("shapes", 3, TimeSpan.FromMilliseconds(250), false), (options.DefaultModel, options.MaximumStreams, options.LatencyTarget, options.WebApp));
        Assert.Equal(["a-key-of-enough-letters"], options.ApiKeys);
        Assert.Equal(["https://studio.example"], options.AllowedOrigins);
    }

    [Theory]
    [InlineData("MaximumStreams", "0", "MaximumStreams must be at least 1, got 0.")]
    [InlineData("MaximumStreams", "many", "'many' at 'Millrace:MaximumStreams'")]
    [InlineData("MaximumSteams", "3", "Millrace:MaximumSteams is no option")]
    [InlineData("ApiKeys:0", "short", "at least 16 characters")]
    [InlineData("AllowedOrigins:0", "studio.example/page", "AllowedOrigins must hold origins")]
    [InlineData("DefaultModel", "other", "DefaultModel must be one of")]
    [InlineData("LatencyTarget", "-00:00:01", "LatencyTarget must be above zero")]
    public void A_wrong_option_is_named(string name, string value, string said) =>
        Assert.Contains(said, Assert.Throws<OptionsValidationException>(() => Bind(("Models:emoji", "/models/emoji"), (name, value))).Message);

    [Fact]
    public async Task A_host_with_wrong_options_does_not_start()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddMillrace();
        await using WebApplication app = builder.Build();
        Assert.Contains("Models must name at least one", (await Assert.ThrowsAsync<OptionsValidationException>(() => app.StartAsync(TestContext.Current.CancellationToken))).Message);
    }

    [Fact]
    public async Task Pictures_come_from_the_common_interface_too()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        IImageGenerator generator = host.Services.GetRequiredService<IImageGenerator>();
        var options = new ImageGenerationOptions
        {
            Count = 2,
            ImageSize = new System.Drawing.Size(24, 16),
            MediaType = "image/webp",
            AdditionalProperties = new() { ["seed"] = 4L, ["steps"] = 2 },
        };
        ImageGenerationResponse response = await generator.GenerateAsync(new ImageGenerationRequest("a red car"), options, TestContext.Current.CancellationToken);

        DataContent[] pictures = [.. response.Contents.OfType<DataContent>()];
        Assert.Equal(2, pictures.Length);
        Assert.All(pictures, picture =>
        {
            Assert.Equal(PictureFormat.WebP, PictureFormats.Recognize(picture.Data.Span));
            using SKBitmap bitmap = SKBitmap.Decode(picture.Data.ToArray());
            Assert.Equal((24, 16), (bitmap.Width, bitmap.Height));
        });
        Assert.Equal("millrace", generator.GetService<ImageGeneratorMetadata>()!.ProviderName);

        options.MediaType = "image/png";
        ImageGenerationResponse edited = await generator.GenerateAsync(new ImageGenerationRequest("a blue car", [pictures[0]]), options, TestContext.Current.CancellationToken);
        Assert.Equal(2, edited.Contents.Count);
        await Assert.ThrowsAsync<InvalidOperationException>(() => generator.GenerateAsync(new ImageGenerationRequest("a"), new() { ModelId = "none" }, TestContext.Current.CancellationToken));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => generator.GenerateAsync(new ImageGenerationRequest(""), options, TestContext.Current.CancellationToken));
        using var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        options.AdditionalProperties["steps"] = 100;
        options.Count = 10;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => generator.GenerateAsync(new ImageGenerationRequest("a"), options, cancelled.Token));
    }

    private static MillraceServerOptions Bind(params (string Name, string Value)[] settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Millrace:{setting.Name}", (string?)setting.Value)));
        builder.Services.AddMillrace();
        return builder.Build().Services.GetRequiredService<MillraceServerOptions>();
    }
}

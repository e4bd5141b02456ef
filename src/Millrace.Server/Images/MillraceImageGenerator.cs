using System.Security.Cryptography;
using Microsoft.Extensions.AI;
using Millrace.Server.Models;

namespace Millrace.Server.Images;

/// <summary>The server's pictures behind the common interface of image generators.</summary>
/// <remarks>The additional properties <c>negative_prompt</c>, <c>seed</c>, <c>steps</c>, <c>guidance_scale</c> and <c>strength</c> mean what they mean in a request.</remarks>
internal sealed class MillraceImageGenerator(ImageJobQueue queue, ModelLibrary library, MillraceServerOptions limits) : IImageGenerator
{
    private const string Client = "host";

    /// <inheritdoc/>
    public async Task<ImageGenerationResponse> GenerateAsync(ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ImageRequest asked = Read(request, options ?? new());
        try
        {
            _ = await library.GetAsync(asked.Model);
            ImageJob job = queue.Accept(Client, asked);
            using CancellationTokenRegistration cancelled = cancellationToken.Register(job.Cancel);
            IReadOnlyList<byte[]> pictures = await job.Completion;
            return new ImageGenerationResponse([.. pictures.Select(picture => new DataContent(picture, $"image/{asked.Format.Name()}"))]);
        }
        catch (ProblemException refused)
        {
            throw new InvalidOperationException(refused.Message, refused);
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null
        : serviceType == typeof(ImageGeneratorMetadata) ? new ImageGeneratorMetadata("millrace", defaultModelId: library.DefaultName)
        : serviceType.IsInstanceOfType(this) ? this
        : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Holds nothing of its own.
    }

    private ImageRequest Read(ImageGenerationRequest request, ImageGenerationOptions options)
    {
        T? Extra<T>(string name)
            where T : struct => options.AdditionalProperties?.TryGetValue(name, out T value) == true ? value : null;

        DataContent[] originals = [.. (request.OriginalImages ?? []).OfType<DataContent>()];
        ArgumentException.ThrowIfNullOrWhiteSpace(request.Prompt, nameof(request));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(originals.Length, 1, nameof(request));
        return new ImageRequest
        {
            Prompt = request.Prompt,
            NegativePrompt = options.AdditionalProperties?.TryGetValue("negative_prompt", out string? negative) == true ? negative ?? "" : "",
            Model = options.ModelId,
            Count = options.Count ?? 1,
            Size = options.ImageSize is { } size ? (size.Width, size.Height) : null,
            Format = options.MediaType switch { "image/jpeg" => PictureFormat.Jpeg, "image/webp" => PictureFormat.WebP, _ => PictureFormat.Png },
            Steps = Extra<int>("steps"),
            GuidanceScale = Extra<double>("guidance_scale"),
            Strength = Extra<double>("strength"),
            Seed = Extra<long>("seed") ?? RandomNumberGenerator.GetInt32(int.MaxValue),
            Picture = originals is [var original] ? UploadedPicture.Decode(original.Data.ToArray(), "original", limits.MaximumPixels) : null,
        };
    }
}

using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Millrace.Server.Images;

/// <summary>A job as its client sees it.</summary>
internal sealed record JobView(
    string Id, [property: JsonConverter(typeof(JsonStringEnumConverter<JobState>))] JobState State, DateTimeOffset At, int Pictures,
    int? Evaluations = null, int? Of = null, string? Error = null, ImagesResponse? Result = null)
{
    public static JobView From(JobRecord record, (int Evaluations, int? Of)? progress, ImagesResponse? result) =>
        new(record.Id, record.State, record.At, record.Pictures, progress?.Evaluations, progress?.Of, record.Error, result);
}

/// <summary>The body of a request for pictures, for the description of the interface.</summary>
internal sealed record GenerationBody(
    string Prompt, string? Model, int? N, string? Size, string? Quality, [property: JsonPropertyName("response_format")] string? ResponseFormat, [property: JsonPropertyName("output_format")] string? OutputFormat, [property: JsonPropertyName("output_compression")] int? OutputCompression, bool? Stream, [property: JsonPropertyName("partial_images")] int? PartialImages,
    [property: JsonPropertyName("negative_prompt")] string? NegativePrompt, long? Seed, int? Steps, [property: JsonPropertyName("guidance_scale")] double? GuidanceScale);

/// <summary>The form of a request to edit, for the description of the interface.</summary>
internal sealed record EditForm(
    IFormFile Image, IFormFile? Mask, string Prompt, string? Model, int? N, string? Size, string? Quality, [property: JsonPropertyName("response_format")] string? ResponseFormat, [property: JsonPropertyName("output_format")] string? OutputFormat, [property: JsonPropertyName("output_compression")] int? OutputCompression,
    bool? Stream, [property: JsonPropertyName("partial_images")] int? PartialImages, [property: JsonPropertyName("negative_prompt")] string? NegativePrompt, long? Seed, int? Steps, [property: JsonPropertyName("guidance_scale")] double? GuidanceScale, double? Strength);

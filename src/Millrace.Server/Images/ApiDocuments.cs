using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;

namespace Millrace.Server.Images;

/// <summary>How the interface describes itself.</summary>
internal static class ApiDocuments
{
    /// <summary>Names the document after what is served, not after the host that serves it.</summary>
    public static void Describe(OpenApiOptions options) => options.AddDocumentTransformer((document, _, _) =>
    {
        document.Info = new()
        {
            Title = "Millrace",
            Version = "1",
            Description = "Pictures in OpenAI's form, and the jobs behind them. Live streams go over the WebSocket at /v1/stream; /v1/stream/schema.json has its messages.",
        };
        return Task.CompletedTask;
    });
}

/// <summary>How the server is.</summary>
/// <param name="Status">alive or ready.</param>
/// <param name="Model">The default model, where it is loaded.</param>
internal sealed record ServerState(string Status, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Model = null);

/// <summary>A model in OpenAI's form.</summary>
internal sealed record ModelView(string Id, string Object, long Created, [property: JsonPropertyName("owned_by")] string OwnedBy);

/// <summary>The models in OpenAI's form.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelView> Data);

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

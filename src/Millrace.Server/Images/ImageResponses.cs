using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Millrace.Server.Images;

/// <summary>A picture in OpenAI's form.</summary>
/// <param name="B64Json">The picture in base64.</param>
/// <param name="Url">The picture as a data address.</param>
internal sealed record ImageData(
    [property: JsonPropertyName("b64_json"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? B64Json,
    [property: JsonPropertyName("url"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Url);

/// <summary>Pictures in OpenAI's form.</summary>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="Data">The pictures.</param>
/// <param name="OutputFormat">png, jpeg or webp.</param>
/// <param name="Seed">Seed of the first.</param>
internal sealed record ImagesResponse(
    [property: JsonPropertyName("created")] long Created,
    [property: JsonPropertyName("data")] IReadOnlyList<ImageData> Data,
    [property: JsonPropertyName("output_format")] string OutputFormat,
    [property: JsonPropertyName("seed")] long Seed)
{
    public static ImagesResponse Of(ImageJob job, IReadOnlyList<byte[]> pictures, TimeProvider time) => new(
        time.GetUtcNow().ToUnixTimeSeconds(), [.. pictures.Select(picture => DataOf(job.Request, picture))], job.Request.Format.Name(), job.Request.Seed);

    private static ImageData DataOf(ImageRequest request, byte[] picture)
    {
        string encoded = Convert.ToBase64String(picture);
        return request.AsUrl ? new(null, $"data:image/{request.Format.Name()};base64,{encoded}") : new(encoded, null);
    }
}

/// <summary>The events of a job, as server-sent events in OpenAI's form.</summary>
internal static class ImageEventStream
{
    public static async Task WriteAsync(HttpResponse response, ImageJob job, TimeProvider time, CancellationToken cancellationToken)
    {
        response.ContentType = "text/event-stream";
        string name = job.Request.EventName;
        await foreach (ImageJobEvent happened in job.EventsAsync(cancellationToken))
        {
            string size = job.Request.Size is { } asked ? $"{asked.Width}x{asked.Height}" : "auto";
            object Picture(string type, byte[] picture, int? index) => new
            {
                type,
                b64_json = Convert.ToBase64String(picture),
                created_at = time.GetUtcNow().ToUnixTimeSeconds(),
                size,
                quality = job.Request.Quality,
                background = "opaque",
                output_format = job.Request.Format.Name(),
                partial_image_index = index ?? 0,
                usage = new { total_tokens = 0, input_tokens = 0, output_tokens = 0, input_tokens_details = new { text_tokens = 0, image_tokens = 0 } },
            };
            (string type, object data) = happened switch
            {
                ImageJobEvent.Progress progress => ($"{name}.progress", new { type = $"{name}.progress", evaluations = progress.Evaluations, of = progress.Of }),
                ImageJobEvent.Partial partial => ($"{name}.partial_image", Picture($"{name}.partial_image", partial.Picture, partial.Index)),
                ImageJobEvent.Completed completed => ($"{name}.completed", Picture($"{name}.completed", completed.Picture, null)),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
            await WriteAsync(response, type, data, cancellationToken);
        }

        try
        {
            await job.Completion;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            string message = error is ArgumentException or InvalidDataException or OperationCanceledException or ProblemException ? error.Message : "The server failed; its log says why.";
            await WriteAsync(response, "error", new { type = "error", error = new { message, type = "server_error", code = "job_failed", param = (string?)null } }, cancellationToken);
        }
    }

    private static async Task WriteAsync(HttpResponse response, string type, object data, CancellationToken cancellationToken)
    {
        await response.WriteAsync($"event: {type}\ndata: {JsonSerializer.Serialize(data)}\n\n", cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }
}

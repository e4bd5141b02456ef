using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Millrace.Imaging;

namespace Millrace.Server.Images;

/// <summary>Reads requests in OpenAI's form, JSON and multipart, and checks every value.</summary>
internal sealed class ImageRequestReader(MillraceServerOptions options)
{
    private const int LeastSide = 16;

    private static readonly string[] Qualities = ["auto", "low", "medium", "high", "standard", "hd"];

    /// <exception cref="ProblemException">Says what is wrong.</exception>
    public async Task<ImageRequest> ReadGenerationAsync(HttpRequest request)
    {
        if (!request.HasJsonContentType())
        {
            throw new ProblemException(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The body must be JSON, application/json.");
        }

        try
        {
            using JsonDocument document = await JsonDocument.ParseAsync(request.Body, new JsonDocumentOptions { MaxDepth = 8 }, request.HttpContext.RequestAborted);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw ProblemException.Invalid("The body must be a JSON object.");
            }

            return Read(name => document.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? TextOf(value, name) : null);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new ProblemException(StatusCodes.Status400BadRequest, "malformed_json", $"The body is no valid JSON: {error.Message}");
        }
    }

    /// <exception cref="ProblemException">Says what is wrong.</exception>
    public async Task<ImageRequest> ReadEditAsync(HttpRequest request)
    {
        if (!request.HasFormContentType)
        {
            throw new ProblemException(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The body must be a form, multipart/form-data.");
        }

        IFormCollection form;
        try
        {
            form = await request.ReadFormAsync(request.HttpContext.RequestAborted);
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw new ProblemException(StatusCodes.Status400BadRequest, "malformed_form", $"The form cannot be read: {error.Message}");
        }

        IFormFile[] pictures = [.. form.Files.Where(file => file.Name is "image" or "image[]")];
        if (pictures.Length != 1)
        {
            throw ProblemException.Invalid($"One image is edited at a time, got {pictures.Length}.", "image");
        }

        Frame picture = UploadedPicture.Decode(await BytesAsync(pictures[0]), "image", options.MaximumPixels);
        Frame? mask = form.Files["mask"] is { } file ? UploadedPicture.DecodeMask(await BytesAsync(file), "mask", options.MaximumPixels) : null;
        return Read(name => form.TryGetValue(name, out var values) ? values.ToString() : null) with { Picture = picture, Mask = mask };
    }

    private ImageRequest Read(Func<string, string?> value)
    {
        T? Among<T>(string name, T? least, T? most, string range)
            where T : struct, IParsable<T>, IComparable<T>
        {
            if (value(name) is not { } text)
            {
                return null;
            }

            return T.TryParse(text, CultureInfo.InvariantCulture, out T number) && (least is not { } low || number.CompareTo(low) >= 0) && (most is not { } high || number.CompareTo(high) <= 0)
                ? number
                : throw ProblemException.Invalid($"{name} must be {range}, got {Shown(text)}.", name);
        }

        string OneOf(string name, string fallback, params string[] allowed) => value(name) is not { } text ? fallback
            : allowed.Contains(text) ? text : throw ProblemException.Invalid($"{name} must be one of {string.Join(", ", allowed)}, got {Shown(text)}.", name);

        bool stream = OneOf("stream", "false", "true", "false") == "true";
        int partialImages = Among<int>("partial_images", 0, 3, "a whole number from 0 to 3") ?? 0;
        string prompt = value("prompt") is { Length: > 0 } given ? given : throw ProblemException.Invalid("prompt is missing: say what to draw.", "prompt");
        return new ImageRequest
        {
            Prompt = CheckLength(prompt, "prompt"),
            NegativePrompt = CheckLength(value("negative_prompt") ?? "", "negative_prompt"),
            Model = value("model"),
            Count = Among<int>("n", 1, options.MaximumPictures, $"a whole number from 1 to {options.MaximumPictures}") ?? 1,
            Size = ReadSize(value("size")),
            Format = Enum.Parse<PictureFormat>(OneOf("output_format", "png", "png", "jpeg", "webp"), ignoreCase: true),
            Compression = Among<int>("output_compression", 0, 100, "a whole number from 0 to 100") ?? 90,
            Quality = OneOf("quality", "auto", Qualities),
            Steps = Among<int>("steps", 1, 200, "a whole number from 1 to 200"),
            GuidanceScale = Among<double>("guidance_scale", 0, 50, "a number from 0 to 50"),
            Seed = Among<long>("seed", null, null, "a whole number") ?? RandomNumberGenerator.GetInt32(int.MaxValue),
            Strength = Among<double>("strength", 0.02, 1, "a number from 0.02 to 1"),
            Stream = stream,
            PartialImages = stream ? partialImages : 0, // nobody else sees them
            AsUrl = OneOf("response_format", "b64_json", "b64_json", "url") == "url",
        };
    }

    private (int Width, int Height)? ReadSize(string? size)
    {
        if (size is null or "auto")
        {
            return null;
        }

        string[] sides = size.Split('x');
        return sides.Length == 2 && int.TryParse(sides[0], NumberStyles.None, CultureInfo.InvariantCulture, out int width)
            && int.TryParse(sides[1], NumberStyles.None, CultureInfo.InvariantCulture, out int height) && width is >= LeastSide and <= PictureFormats.MaximumSide && height is >= LeastSide and <= PictureFormats.MaximumSide && (long)width * height <= options.MaximumPixels
            ? (width, height)
            : throw ProblemException.Invalid($"size must be auto or WIDTHxHEIGHT, of sides from {LeastSide} to {PictureFormats.MaximumSide} and at most {options.MaximumPixels} pixels, got {Shown(size)}.", "size");
    }

    private string CheckLength(string prompt, string name) => prompt.Length > options.MaximumPromptLength
        ? throw ProblemException.Invalid($"{name} has {prompt.Length} characters; there may be {options.MaximumPromptLength}.", name)
        : prompt.Any(char.IsControl) ? string.Concat(prompt.Select(letter => char.IsControl(letter) ? ' ' : letter)) : prompt;

    private static string TextOf(JsonElement value, string name) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => throw ProblemException.Invalid($"{name} must be a text, a number or a truth value.", name),
    };

    private static string Shown(string text) => text.Length <= 40 ? $"'{text}'" : $"'{text[..40]}...'";

    private static async Task<byte[]> BytesAsync(IFormFile file)
    {
        using var bytes = new MemoryStream((int)file.Length);
        await file.CopyToAsync(bytes);
        return bytes.ToArray();
    }
}

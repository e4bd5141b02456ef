using System.Text.Json;
using Millrace.Imaging;

namespace Millrace.Server.Images;

/// <summary>A request for pictures, read and checked.</summary>
internal sealed record ImageRequest
{
    public required string Prompt { get; init; }

    public string NegativePrompt { get; init; } = "";

    /// <summary>Null for the default.</summary>
    public string? Model { get; init; }

    public int Count { get; init; } = 1;

    /// <summary>Size of the delivered pictures; null for the model's own.</summary>
    public (int Width, int Height)? Size { get; init; }

    public PictureFormat Format { get; init; } = PictureFormat.Png;

    /// <summary>Quality of JPEG and WebP, 0 to 100.</summary>
    public int Compression { get; init; } = 90;

    /// <summary>How many steps a solver gets, where <see cref="Steps"/> does not say it.</summary>
    public string Quality { get; init; } = "auto";

    public int? Steps { get; init; }

    public double? GuidanceScale { get; init; }

    public required long Seed { get; init; }

    /// <summary>Share of the way from noise to picture that an edit goes, in (0, 1]; null for the usual one.</summary>
    public double? Strength { get; init; }

    /// <summary>The picture to edit; null draws from the prompt alone.</summary>
    public Frame? Picture { get; init; }

    /// <summary>White where the picture is to be filled in; null for everywhere.</summary>
    public Frame? Mask { get; init; }

    /// <summary>Whether progress is streamed.</summary>
    public bool Stream { get; init; }

    /// <summary>Unfinished pictures shown on the way, 0 to 3.</summary>
    public int PartialImages { get; init; }

    /// <summary>Whether a picture is given as a data address and not as base64 alone.</summary>
    public bool AsUrl { get; init; }

    /// <summary>What the events of a stream are called.</summary>
    public string EventName => Picture is null ? "image_generation" : "image_edit";

    /// <summary>How one of its pictures was made, as JSON, for the picture's metadata.</summary>
    /// <param name="model">Name of the model that drew it.</param>
    /// <param name="number">Its number in the request, from 0.</param>
    public string Describe(string model, int number) => JsonSerializer.Serialize(new
    {
        model,
        prompt = Prompt,
        negativePrompt = NegativePrompt,
        seed = Seed + number,
        steps = Steps,
        quality = Quality,
        guidanceScale = GuidanceScale,
        strength = Strength,
    });
}

using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Server.Images;
using Millrace.Server.Models;
using Millrace.Streaming;

namespace Millrace.Server.Live;

/// <summary>How a stream's pictures are made and sent, as its client says it; what is null stays as it is.</summary>
internal sealed record LiveSettings
{
    public string? Prompt { get; init; }

    public string? NegativePrompt { get; init; }

    /// <summary>The prompt towards which <see cref="Blend"/> goes.</summary>
    public string? SecondPrompt { get; init; }

    /// <summary>Share of the way from the prompt to the second one, in [0, 1].</summary>
    public double? Blend { get; init; }

    public StreamMode? Mode { get; init; }

    /// <summary>In pixels; kept while the stream lives.</summary>
    public int? Width { get; init; }

    /// <summary>In pixels; kept while the stream lives.</summary>
    public int? Height { get; init; }

    public IReadOnlyList<int>? Steps { get; init; }

    public GuidanceType? Guidance { get; init; }

    public double? GuidanceScale { get; init; }

    public double? Delta { get; init; }

    public long? Seed { get; init; }

    public bool? AddNoise { get; init; }

    /// <summary>In [0, 1]; 1 answers every frame anew.</summary>
    public double? Similarity { get; init; }

    /// <summary>Of the answers.</summary>
    public FrameCodec? Codec { get; init; }

    /// <summary>Of JPEG and WebP answers, 1 to 100.</summary>
    public int? Quality { get; init; }

    /// <summary>What holds for a model where nobody says otherwise.</summary>
    public static LiveSettings DefaultsOf(DiffusionModel model)
    {
        var usual = new StreamOptions();
        return new()
        {
            Prompt = "",
            NegativePrompt = "",
            SecondPrompt = "",
            Blend = 0,
            Mode = usual.Mode,
            Width = model.DefaultSize,
            Height = model.DefaultSize,
            Steps = usual.Steps,
            Guidance = usual.Guidance,
            GuidanceScale = usual.GuidanceScale,
            Delta = usual.Delta,
            Seed = usual.Seed,
            AddNoise = usual.AddNoise,
            Similarity = 1,
            Codec = FrameCodec.Jpeg,
            Quality = 90,
        };
    }

    /// <summary>These settings with what a change says.</summary>
    public LiveSettings With(LiveSettings change) => new()
    {
        Prompt = change.Prompt ?? Prompt,
        NegativePrompt = change.NegativePrompt ?? NegativePrompt,
        SecondPrompt = change.SecondPrompt ?? SecondPrompt,
        Blend = change.Blend ?? Blend,
        Mode = change.Mode ?? Mode,
        Width = change.Width ?? Width,
        Height = change.Height ?? Height,
        Steps = change.Steps ?? Steps,
        Guidance = change.Guidance ?? Guidance,
        GuidanceScale = change.GuidanceScale ?? GuidanceScale,
        Delta = change.Delta ?? Delta,
        Seed = change.Seed ?? Seed,
        AddNoise = change.AddNoise ?? AddNoise,
        Similarity = change.Similarity ?? Similarity,
        Codec = change.Codec ?? Codec,
        Quality = change.Quality ?? Quality,
    };

    /// <summary>The prompt for the text encoder of a <see cref="HostedModel"/>.</summary>
    public string BlendedPrompt() => Blend > 0 && SecondPrompt is { Length: > 0 } second ? new BlendedPrompt(Clean(Prompt!), Clean(second), Blend.Value).ToString() : Clean(Prompt!);

    public string CleanNegativePrompt() => Clean(NegativePrompt!);

    /// <summary>The options of the engine; all settings are given.</summary>
    public StreamOptions ToOptions() => new()
    {
        Mode = Mode!.Value,
        Width = Width!.Value,
        Height = Height!.Value,
        Steps = Steps!,
        Guidance = Guidance!.Value,
        GuidanceScale = GuidanceScale!.Value,
        Delta = Delta!.Value,
        Seed = Seed!.Value,
        AddNoise = AddNoise!.Value,
        SimilarityThreshold = Similarity,
    };

    /// <summary>Checks what the engine does not.</summary>
    /// <exception cref="ArgumentException">Names the setting, the value seen and the values allowed.</exception>
    public void Validate(MillraceServerOptions limits, DiffusionModel model)
    {
        int mostPixels = limits.StreamPixels(model.DefaultSize);
        foreach ((string? prompt, string name) in new[] { (Prompt, "prompt"), (NegativePrompt, "negativePrompt"), (SecondPrompt, "secondPrompt") })
        {
            if (prompt!.Length > limits.MaximumPromptLength)
            {
                throw new ArgumentException($"{name} may have {limits.MaximumPromptLength} characters; got {prompt.Length}.");
            }
        }

        Require(Blend is >= 0 and <= 1, $"blend must be in [0, 1]; got {Blend}.");
        Require(
            Width is >= 1 and <= PictureFormats.MaximumSide && Height is >= 1 and <= PictureFormats.MaximumSide && (long)Width * Height <= mostPixels,
            $"width and height must be in 1..{PictureFormats.MaximumSide} and hold at most {mostPixels} pixels; got {Width} x {Height}.");
        Require(Steps!.Count <= limits.MaximumStreamSteps, $"steps may be {limits.MaximumStreamSteps} at most; got {Steps.Count}.");
        Require(Codec is > FrameCodec.None, "codec must be one of jpeg, webp, png, raw.");
        Require(Quality is >= 1 and <= 100, $"quality must be in 1..100; got {Quality}.");
        ToOptions().Validate();
    }

    private static void Require(bool holds, string problem)
    {
        if (!holds)
        {
            throw new ArgumentException(problem);
        }
    }

    private static string Clean(string prompt) => prompt.Any(char.IsControl) ? string.Concat(prompt.Select(letter => char.IsControl(letter) ? ' ' : letter)) : prompt;
}

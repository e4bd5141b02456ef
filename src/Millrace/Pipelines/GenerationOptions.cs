using Millrace.Checkpoints.Schedulers;
using Millrace.Guidance;
using Millrace.Models.UNets;

namespace Millrace.Pipelines;

/// <summary>How pictures are drawn with a solver. What is null is as the model has it.</summary>
public sealed record GenerationOptions
{
    /// <summary>Width in pixels; null for the model's own.</summary>
    public int? Width { get; init; }

    /// <summary>Height in pixels; null for the model's own.</summary>
    public int? Height { get; init; }

    /// <summary>Solver and noise levels; null for the scheduler that the model came with. <see cref="SolverExchange"/> makes others.</summary>
    public DiffusersScheduler? Scheduler { get; init; }

    /// <summary>Steps of the solver, at least 1; null for the usual number.</summary>
    public int? Steps { get; init; }

    /// <summary>Scale of classifier-free guidance, or of the guidance that the network computes by itself; up to 1 there is none. Null for the usual one.</summary>
    public double? GuidanceScale { get; init; }

    /// <summary>Share of the guided prediction that is brought back to the spread of the prediction under the prompt, in [0, 1].</summary>
    public double GuidanceRescale { get; init; }

    /// <summary>Timesteps at which guidance of any kind works; null for all.</summary>
    public GuidanceInterval? GuidanceInterval { get; init; }

    /// <summary>Guides by the part of the difference that lies across the clean sample, in place of classifier-free guidance; null for that.</summary>
    public AdaptiveProjectedGuidanceOptions? ProjectedGuidance { get; init; }

    /// <summary>Scale of perturbed-attention guidance, at least 0; it works with or without a negative prompt. 0 for none.</summary>
    public double PerturbedAttentionScale { get; init; }

    /// <summary>Layers whose attention is perturbed, as of <see cref="PerturbedAttention"/>; none for the middle block.</summary>
    public IReadOnlyList<string> PerturbedAttentionLayers { get; init; } = [];

    /// <summary>What to keep away from; works with guidance only.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>Seed of the first picture; the next has the next one, so that a picture does not depend on how many there are.</summary>
    public long Seed { get; init; }

    /// <summary>Pictures that are drawn at once, at least 1.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Control networks with their pictures.</summary>
    public IReadOnlyList<ControlPicture> Controls { get; init; } = [];

    /// <summary>T2I-Adapters with their pictures.</summary>
    public IReadOnlyList<AdapterPicture> Adapters { get; init; } = [];

    /// <summary>Pictures that prompt beside the text, with their IP-Adapters.</summary>
    public IReadOnlyList<ImagePrompt> ImagePrompts { get; init; } = [];

    /// <summary>What else works on the features of the U-Net.</summary>
    public IReadOnlyList<IUNetAttachment> Attachments { get; init; } = [];

    /// <summary>Whether something works on the features of a U-Net.</summary>
    internal bool NeedsUNet => Controls.Count > 0 || Adapters.Count > 0 || ImagePrompts.Count > 0 || Attachments.Count > 0 || PerturbedAttentionScale > 0;

    /// <summary>Checks every value that does not depend on the model.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        static void Require(bool holds, string problem)
        {
            if (!holds)
            {
                throw new ArgumentException(problem);
            }
        }

        Require(Width is null or >= 1 && Height is null or >= 1, $"Width and Height must be at least 1, got {Width} x {Height}.");
        Require(Steps is null or >= 1, $"Steps must be at least 1, got {Steps}.");
        Require(GuidanceScale is null || double.IsFinite(GuidanceScale.Value), $"GuidanceScale must be a finite number, got {GuidanceScale}.");
        Require(GuidanceRescale is >= 0 and <= 1, $"GuidanceRescale must be in [0, 1], got {GuidanceRescale}.");
        _ = ProjectedGuidance?.Validated();
        _ = GuidanceInterval?.Validated();
        Require(PerturbedAttentionScale >= 0 && double.IsFinite(PerturbedAttentionScale), $"PerturbedAttentionScale must be a finite number of at least 0, got {PerturbedAttentionScale}.");
        Require(
            ProjectedGuidance is null || (GuidanceRescale == 0 && PerturbedAttentionScale == 0),
            "ProjectedGuidance takes the place of classifier-free guidance: neither GuidanceRescale nor PerturbedAttentionScale can go with it.");
        Require(Batch >= 1, $"Batch must be at least 1, got {Batch}.");
    }
}

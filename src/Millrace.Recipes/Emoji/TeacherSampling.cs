using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>How the teacher of the emoji model is sampled, both for its student's lessons and where the two are compared: many steps, each guided.</summary>
internal static class TeacherSampling
{
    /// <summary>Steps of DDIM, with trailing spacing.</summary>
    public const int Steps = 16;

    /// <summary>Scale of classifier-free guidance.</summary>
    public const double GuidanceScale = 1.5;

    /// <summary>What was done, in words.</summary>
    public static string Description => $"DDIM, {Steps} trailing steps, guidance scale {GuidanceScale}";

    /// <summary>The loop over a denoiser that is guided already.</summary>
    public static Sampler Over(IDenoiser guided, IDiffusionProcess process) => new(
        guided, new DdimSolver(NoiseInterval.Between(
            [.. TimestepGrids.Spaced(TimestepSpacing.Trailing, Steps, process.TrainTimesteps).Select(timestep => process.LevelAt(timestep)), new NoiseLevel(0, 1, 0)])));

    /// <summary>Pictures of prompts.</summary>
    /// <param name="teacher">The teacher.</param>
    /// <param name="prompts">One a picture.</param>
    /// <param name="seed">Of the noise.</param>
    /// <returns>[N, 3, H, W] in [-1, 1]; the caller's to dispose.</returns>
    public static Tensor Draw(DiffusionModel teacher, IReadOnlyList<string> prompts, long seed)
    {
        const int Batch = 32;
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var random = new Generator((ulong)seed);
        Conditioning empty = teacher.TextEncoder.Encode([""]);
        Sampler sampler = Over(new ClassifierFreeGuidance(teacher.Denoiser, empty, GuidanceScale), teacher.Process);
        int side = teacher.DefaultSize / teacher.Autoencoder.SpatialFactor;
        var drawn = new List<Tensor>();
        foreach (string[] some in prompts.Chunk(Batch))
        {
            Tensor noise = randn([some.Length, teacher.Autoencoder.LatentChannels, side, side], generator: random);
            Tensor latent = sampler.Sample(noise, teacher.TextEncoder.Encode(some), _ => throw new InvalidOperationException("DDIM adds no noise."));
            drawn.Add(teacher.Autoencoder.Decode(latent).Clamped(-1, 1));
        }

        return cat([.. drawn], 0).MoveToOuterDisposeScope();
    }
}

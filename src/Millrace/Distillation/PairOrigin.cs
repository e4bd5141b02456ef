using System.Globalization;

namespace Millrace.Distillation;

/// <summary>How pairs were made: what they depend on beside the seed.</summary>
/// <param name="Teacher">Fingerprint of the weights that made them; see <see cref="WeightFingerprint"/>.</param>
/// <param name="Sampler">Solver and number of steps, in words.</param>
/// <param name="GuidanceScale">Guidance that is baked into the samples; 1 is none.</param>
public sealed record PairOrigin(string Teacher, string Sampler, double GuidanceScale = 1)
{
    internal Dictionary<string, string> ToMetadata() => new()
    {
        ["teacher"] = Teacher,
        ["sampler"] = Sampler,
        ["guidance_scale"] = GuidanceScale.ToString("R", CultureInfo.InvariantCulture),
    };

    internal static PairOrigin? Of(IReadOnlyDictionary<string, string> metadata) =>
        metadata.TryGetValue("teacher", out string? teacher) && metadata.TryGetValue("sampler", out string? sampler)
        && double.TryParse(metadata.GetValueOrDefault("guidance_scale"), CultureInfo.InvariantCulture, out double guidance)
            ? new PairOrigin(teacher, sampler, guidance)
            : null;
}

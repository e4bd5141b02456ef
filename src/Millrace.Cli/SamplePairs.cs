using Millrace.Evaluation;
using Millrace.Evaluation.Perceptual;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Cli;

/// <summary>Samples beside the reference pictures of the same file name.</summary>
internal static class SamplePairs
{
    /// <summary>Compares them.</summary>
    /// <exception cref="ArgumentException">Where a sample has no partner.</exception>
    public static IReadOnlyList<ComparisonScore> Compare(SampleSet samples, PictureSet reference, Tensor pictures, PerceptualDistance? perceptual = null)
    {
        Dictionary<string, long> rows = reference.Names.Index().GroupBy(name => Path.ChangeExtension(name.Item, null)).ToDictionary(names => names.Key, names => (long)names.First().Index);
        long[] partners = [.. samples.Names.Select(name => rows.TryGetValue(Path.ChangeExtension(name, null), out long row)
            ? row
            : throw new ArgumentException($"--paired: '{name}' has no picture of its name in the reference."))];
        using var scope = NewDisposeScope();
        return PictureComparison.OfPairs(samples.Pictures, pictures.index_select(0, tensor(partners)), perceptual);
    }
}

using Millrace.Evaluation;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Cli;

/// <summary>A page of samples, each above the reference picture that is nearest in the first judge's eyes.</summary>
internal sealed class EvaluationPage(SampleSet samples, PictureSet reference)
{
    private const int Columns = 8, Rows = 2, Side = 96;

    private readonly int[] _shown = [.. Enumerable.Range(0, Math.Min(Columns * Rows, samples.Captions.Count)).Select(index => index * samples.Captions.Count / Math.Min(Columns * Rows, samples.Captions.Count))];
    private long[]? _nearest;

    /// <summary>Finds the nearest reference picture of each sample that is shown.</summary>
    public void Match(Tensor features, Tensor referenceFeatures)
    {
        if (_nearest is null)
        {
            using var scope = NewDisposeScope();
            (_, Tensor index) = Novelty.NearestOf(features, referenceFeatures);
            _nearest = index.data<long>().ToArray();
        }
    }

    /// <summary>Writes the page.</summary>
    public async Task SaveAsync(string path, CancellationToken cancellationToken)
    {
        Frame[] drawn = [.. _shown.Select(index => Picture(samples.Pictures, index))];
        Frame[] near = [.. _shown.Select(index => Nearest(_nearest![index]))];
        string[] below = [.. _shown.Select(index => $"({Path.GetFileNameWithoutExtension(reference.Names[(int)_nearest![index]])})")];
        string[] words = [.. _shown.Select(index => samples.Captions[index].Length > 0 ? samples.Captions[index] : samples.Names.Count > 0 ? Path.GetFileName(samples.Names[index]) : "")];
        IEnumerable<T> Alternating<T>(T[] upper, T[] lower) => upper.Chunk(Columns).Zip(lower.Chunk(Columns)).SelectMany(row => row.First.Concat(row.Second));
        Frame page = Imaging.ContactSheet.Draw([.. Alternating(drawn, near)], [.. Alternating(words, below)], Math.Min(Columns, drawn.Length), scale: Math.Max(1, Side / drawn[0].Width));
        await using IFrameSink sink = FrameSinks.Create(path);
        await sink.WriteAsync(page, cancellationToken);
        await sink.CompleteAsync(cancellationToken);
    }

    private static Frame Picture(Tensor pictures, long index)
    {
        using Tensor picture = pictures[index];
        return PixelConversion.ToFrame(picture, index, TimeSpan.Zero);
    }

    private Frame Nearest(long index)
    {
        using Tensor row = tensor(new[] { index }), picture = reference.Pictures(row);
        return PixelConversion.ToFrame(picture, index, TimeSpan.Zero);
    }
}

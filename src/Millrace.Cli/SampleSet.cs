using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Cli;

/// <summary>Pictures that are judged.</summary>
/// <param name="Origin">The folder, or the model, that they are from.</param>
/// <param name="Pictures">[N, 3, H, W] in [-1, 1]; owned.</param>
/// <param name="Names">File of each; empty where a model drew them.</param>
/// <param name="Captions">What each should show; empty words where nobody says.</param>
/// <param name="Skipped">Those left out.</param>
/// <param name="Settings">How a model drew them; null for files.</param>
internal sealed record SampleSet(
    string Origin, Tensor Pictures, IReadOnlyList<string> Names, IReadOnlyList<string> Captions, IReadOnlyList<SkippedSample> Skipped, DrawingSettings? Settings) : IDisposable
{
    /// <summary>Those of a set of files, which is disposed of.</summary>
    public static SampleSet Of(string path, PictureSet set)
    {
        using (set)
        {
            return new SampleSet(path, set.All(), set.Names, set.Captions, set.Skipped, null);
        }
    }

    public void Dispose() => Pictures.Dispose();
}

/// <summary>How a model drew.</summary>
/// <param name="Steps">As --steps says; null for the usual.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Evaluations">Evaluations of the network a picture, those of the guidance's other half not counted.</param>
internal sealed record DrawingSettings(IReadOnlyList<int>? Steps, long Seed, int Evaluations);

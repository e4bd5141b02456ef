using System.Text.Json;
using Millrace.Checkpoints;
using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>A trained <see cref="PictureClassifier"/> with the names of its classes: a folder with <c>labels.json</c> and <c>model.safetensors</c>.</summary>
/// <param name="classifier">The network; owned.</param>
/// <param name="labels">The name of each class.</param>
public sealed class PictureJudge(PictureClassifier classifier, IReadOnlyList<string> labels) : IDisposable
{
    /// <summary>The file by which a folder is known to hold a judge.</summary>
    public const string LabelsFile = "labels.json";

    private const string WeightsFile = "model.safetensors";

    /// <summary>Reads a judge.</summary>
    /// <exception cref="FileNotFoundException">Where a file is missing.</exception>
    /// <exception cref="InvalidDataException">Where a file is not what it should be.</exception>
    public static PictureJudge Load(string folder)
    {
        string path = Path.Combine(folder, LabelsFile);
        string[] labels;
        try
        {
            labels = JsonSerializer.Deserialize<string[]>(File.ReadAllText(path)) ?? [];
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"'{path}' is not a JSON list of names ({error.Message}).", error);
        }

        if (labels.Length < 2)
        {
            throw new InvalidDataException($"'{path}' must hold at least two names, got {labels.Length}.");
        }

        using SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(folder, WeightsFile));
        return new PictureJudge(PictureClassifier.Load(weights, labels.Length), labels);
    }

    /// <summary>Writes the judge, weights as float16.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, LabelsFile), JsonSerializer.Serialize(labels));
        SafetensorsWriter.Write(Path.Combine(folder, WeightsFile), classifier.state_dict(), precision: float16);
    }

    /// <summary>Where the pictures lie in the judge's eyes; see <see cref="PictureClassifier.Features"/>.</summary>
    /// <param name="images">[B, 3, H, W] in [-1, 1].</param>
    /// <returns>[B, width]; the caller's to dispose.</returns>
    public Tensor Features(Tensor images) => classifier.Features(images);

    /// <summary>What each picture shows.</summary>
    /// <param name="images">[B, 3, H, W] in [-1, 1].</param>
    public IReadOnlyList<string> Classify(Tensor images)
    {
        using Tensor found = classifier.Classify(images);
        return [.. found.data<long>().Select(label => labels[(int)label])];
    }

    /// <summary>How many pictures show what they should.</summary>
    /// <param name="images">[B, 3, H, W] in [-1, 1].</param>
    /// <param name="expected">The label of each picture.</param>
    public Proportion Agreement(Tensor images, IReadOnlyList<string> expected) =>
        new(Classify(images).Zip(expected).Count(pair => pair.First == pair.Second), expected.Count);

    /// <inheritdoc/>
    public void Dispose() => classifier.Dispose();
}

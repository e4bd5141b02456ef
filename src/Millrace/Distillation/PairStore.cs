using Millrace.Checkpoints;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>Noise and the sample that a model's own deterministic sampler made of it, with the condition: what a student learns from.</summary>
public sealed class PairStore : IDisposable
{
    private readonly Tensor _noise;
    private readonly Tensor _sample;
    private readonly Tensor? _classes;

    /// <summary>Takes over the tensors.</summary>
    /// <param name="noise">[N, C, H, W], float32.</param>
    /// <param name="sample">[N, C, H, W], float32, in the order of <paramref name="noise"/>.</param>
    /// <param name="classes">[N], int64; null where the model has none.</param>
    /// <param name="origin">How the pairs were made.</param>
    /// <exception cref="ArgumentException">Where shapes differ, there is no pair, or a value is not a finite number.</exception>
    public PairStore(Tensor noise, Tensor sample, Tensor? classes, PairOrigin origin)
    {
        if (noise.shape[0] == 0 || !noise.shape.SequenceEqual(sample.shape) || (classes is not null && !classes.shape.SequenceEqual([noise.shape[0]])))
        {
            throw new ArgumentException(
                $"Pairs must be as many and of one shape: noise [{string.Join(", ", noise.shape)}], samples [{string.Join(", ", sample.shape)}]{(classes is null ? "" : $", classes [{string.Join(", ", classes.shape)}]")}.", nameof(sample));
        }

        using var scope = NewDisposeScope();
        if (!noise.isfinite().all().item<bool>() || !sample.isfinite().all().item<bool>())
        {
            throw new ArgumentException("The pairs hold NaN or infinity.", nameof(sample));
        }

        (_noise, _sample, _classes, Origin) = (noise.DetachFromDisposeScope(), sample.DetachFromDisposeScope(), classes?.DetachFromDisposeScope(), origin);
    }

    /// <summary>How the pairs were made.</summary>
    public PairOrigin Origin { get; }

    /// <summary>Number of pairs.</summary>
    public long Count => _noise.shape[0];

    /// <summary>[N, C, H, W]; the store's.</summary>
    public Tensor Noise => _noise;

    /// <summary>[N, C, H, W]; the store's.</summary>
    public Tensor Sample => _sample;

    /// <summary>[N], int64, the store's; null where the model has no classes.</summary>
    public Tensor? Classes => _classes;

    /// <summary>Draws pairs, each whole.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="random">Source of randomness, on the device of the store.</param>
    /// <returns>In the dispose scope of the caller.</returns>
    public CoupledBatch Draw(int rows, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor index = random.Integers(Count, rows);
        var conditioning = new Conditioning(empty([rows, 0, 0], device: _noise.device)) { ClassLabels = _classes?.index_select(0, index) };
        return new CoupledBatch(
            _sample.index_select(0, index).MoveToOuterDisposeScope(), _noise.index_select(0, index).MoveToOuterDisposeScope(), conditioning.MoveToOuterDisposeScope());
    }

    /// <summary>Writes the pairs and how they were made into one safetensors file.</summary>
    /// <exception cref="IOException">Where the file cannot be written; a former one is left as it was.</exception>
    public void Save(string path) => SafetensorsWriter.Write(
        path,
        [
            KeyValuePair.Create("noise", _noise), KeyValuePair.Create("sample", _sample),
            .. _classes is null ? Array.Empty<KeyValuePair<string, Tensor>>() : [KeyValuePair.Create("classes", _classes)],
        ],
        Origin.ToMetadata());

    /// <summary>Reads pairs.</summary>
    /// <param name="path">What <see cref="Save"/> wrote.</param>
    /// <param name="teacher">Fingerprint of the model that must have made them; null for any.</param>
    /// <exception cref="InvalidDataException">Where the file holds no pairs, broken ones, or those of another teacher.</exception>
    public static PairStore Load(string path, string? teacher = null)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (PairOrigin.Of(file.Metadata) is not { } origin || !file.Contains("noise") || !file.Contains("sample"))
        {
            throw new InvalidDataException($"'{path}' holds no pairs of noise and sample.");
        }

        if (teacher is not null && origin.Teacher != teacher)
        {
            throw new InvalidDataException($"The pairs in '{path}' were made by another teacher: {origin.Teacher}, wanted {teacher}.");
        }

        using var scope = NewDisposeScope();
        try
        {
            return new PairStore(file.Read("noise"), file.Read("sample"), file.Contains("classes") ? file.Read("classes") : null, origin);
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"'{path}': {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _noise.Dispose();
        _sample.Dispose();
        _classes?.Dispose();
    }
}

using System.Text;
using System.Text.Json;
using Millrace.Files;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>Means of losses between two entries of a run's log. They are summed on their device: the training waits for it only at an entry.</summary>
/// <param name="path">The log, a line of JSON an entry.</param>
/// <param name="leader">Name of the first player.</param>
internal sealed class TrainingLog(string path, string leader) : IDisposable
{
    private readonly Dictionary<string, (Tensor Sum, long Count)> _means = [];

    /// <summary>Drops the entries of steps that will be run again, and one that was cut off.</summary>
    /// <param name="path">The log; may not exist.</param>
    /// <param name="step">Last step that is kept.</param>
    public static void Trim(string path, long step)
    {
        if (!File.Exists(path))
        {
            return;
        }

        string[] lines = File.ReadAllLines(path), kept = [.. lines.TakeWhile(line => StepOf(line) <= step)];
        if (kept.Length < lines.Length)
        {
            AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(string.Concat(kept.Select(line => line + "\n")))));
        }
    }

    /// <summary>Adds a loss and what it recorded.</summary>
    /// <exception cref="NotFiniteNumberException">Where the loss is no number; found at once on the processor, at the next entry elsewhere.</exception>
    public void Add(string name, Tensor loss, TrainingDraw draw)
    {
        if (loss.device.type == TorchSharp.DeviceType.CPU && Value(loss) is var value && !double.IsFinite(value))
        {
            string samples = draw.Samples.Count == 0 ? "" : $" on the batch of {string.Join(", ", draw.Samples)}";
            throw new NotFiniteNumberException($"the loss of '{name}' is {value}{samples}");
        }

        Add(name, loss);
        foreach ((string term, Tensor recorded) in draw.Take())
        {
            Add(term, recorded);
            recorded.Dispose();
        }
    }

    /// <summary>Writes an entry and starts the means anew.</summary>
    /// <exception cref="NotFiniteNumberException">Where a mean is no number; nothing is written.</exception>
    public TrainingProgress Write(long step, long steps, double gradientNorm, double learningRate, double seconds, IReadOnlyDictionary<string, double> metrics)
    {
        Dictionary<string, double> means = _means.ToDictionary(mean => mean.Key, mean => (double)mean.Value.Sum.item<float>() / mean.Value.Count);
        if (means.FirstOrDefault(mean => !double.IsFinite(mean.Value)) is { Key: { } name } broken)
        {
            throw new NotFiniteNumberException($"the loss of '{name}' is {broken.Value}");
        }

        if (!double.IsFinite(gradientNorm))
        {
            throw new NotFiniteNumberException($"the norm of the gradient is {gradientNorm}");
        }

        means.Remove(leader, out double loss);
        var entry = new TrainingProgress(step, steps, loss, gradientNorm, learningRate, seconds, means) { Metrics = metrics };
        File.AppendAllText(path, JsonSerializer.Serialize(entry) + "\n");
        Dispose();
        return entry;
    }

    public void Dispose()
    {
        foreach ((Tensor sum, _) in _means.Values)
        {
            sum.Dispose();
        }

        _means.Clear();
    }

    private static long StepOf(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<TrainingProgress>(line)!.Step;
        }
        catch (JsonException)
        {
            return long.MaxValue;
        }
    }

    private static double Value(Tensor scalar)
    {
        using Tensor number = scalar.detach().to(float64);
        return number.item<double>();
    }

    private void Add(string name, Tensor value)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        (Tensor sum, long count) = _means.GetValueOrDefault(name, (null!, 0));
        Tensor next = count == 0 ? value.detach().to(float32).clone() : sum.Plus(value.to(float32));
        sum?.Dispose();
        _means[name] = (next.DetachFromDisposeScope(), count + 1);
    }
}

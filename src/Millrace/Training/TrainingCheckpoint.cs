using System.Globalization;
using Millrace.Checkpoints;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>Everything a training run needs to go on: its vectors, its step and its time.</summary>
internal static class TrainingCheckpoint
{
    public static void Save(string path, (string Name, Tensor Tensor)[] state, long step, double seconds) => SafetensorsWriter.Write(
        path,
        state.Select(part => KeyValuePair.Create(part.Name, part.Tensor)),
        new Dictionary<string, string> { ["step"] = step.ToString(CultureInfo.InvariantCulture), ["seconds"] = seconds.ToString("R", CultureInfo.InvariantCulture) });

    /// <summary>Reads a checkpoint into <paramref name="state"/>; null where there is none.</summary>
    /// <exception cref="InvalidDataException">Where the file does not fit.</exception>
    public static (long Step, double Seconds)? TryLoad(string path, (string Name, Tensor Tensor)[] state)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!long.TryParse(file.Metadata.GetValueOrDefault("step"), CultureInfo.InvariantCulture, out long step)
            || !double.TryParse(file.Metadata.GetValueOrDefault("seconds"), CultureInfo.InvariantCulture, out double seconds)
            || state.FirstOrDefault(part => !file.Contains(part.Name)).Name is not null)
        {
            throw new InvalidDataException($"'{path}' is not a checkpoint of a training run.");
        }

        using IDisposable noGrad = no_grad();
        foreach ((string name, Tensor target) in state)
        {
            using Tensor source = file.Read(name);
            if (!source.shape.SequenceEqual(target.shape))
            {
                throw new InvalidDataException($"'{path}' holds {source.numel()} parameters, the network has {target.numel()}.");
            }

            target.copy_(source);
        }

        return (step, seconds);
    }
}

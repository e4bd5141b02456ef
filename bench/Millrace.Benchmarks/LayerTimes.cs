using System.Diagnostics;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Benchmarks;

/// <summary>Where the time of a network call goes, by kind of layer.</summary>
internal static class LayerTimes
{
    /// <summary>Measures with a clock around every layer; what no layer claims (attention's products, sums, copies) is "the rest".</summary>
    public static IReadOnlyDictionary<string, double> Measure(Module network, Action call, int repeats)
    {
        var times = new SortedDictionary<string, double>(StringComparer.Ordinal);
        var started = new Stack<long>();
        List<Action> removals = [];
        foreach (Module child in network.modules())
        {
            string? kind = child switch
            {
                Convolution2d => "convolutions",
                Linear => "matrix products",
                TorchSharp.Modules.LayerNorm => "layer normalization",
                _ => null,
            };
            if (kind is not null && child is Module<Tensor, Tensor> layer)
            {
                removals.Add(layer.register_forward_pre_hook((_, input) =>
                {
                    started.Push(Stopwatch.GetTimestamp());
                    return input;
                }).remove);
                removals.Add(layer.register_forward_hook((_, _, output) =>
                {
                    times[kind] = times.GetValueOrDefault(kind) + Stopwatch.GetElapsedTime(started.Pop()).TotalSeconds;
                    return output;
                }).remove);
            }
        }

        call();
        times.Clear();
        long start = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            call();
        }

        double total = Stopwatch.GetElapsedTime(start).TotalSeconds;
        removals.ForEach(remove => remove());
        var shares = times.ToDictionary(entry => entry.Key, entry => entry.Value / total);
        shares["attention, group normalization and the rest"] = 1 - shares.Values.Sum();
        return shares;
    }
}

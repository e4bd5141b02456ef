using System.Diagnostics;
using Millrace.Compression.Segments;
using Millrace.Models.UNets;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Accounts;

/// <summary>Milliseconds of each layer of a U-Net, by a clock that is read where each feature is ready.</summary>
public static class LayerTimes
{
    /// <summary>Median milliseconds of every residual layer that stands by itself; the way to its input, such as the joining with a skip, counts to it.</summary>
    /// <typeparam name="T">A U-Net.</typeparam>
    /// <param name="network">The network.</param>
    /// <param name="x">x_t, [B, C, H, W]: the batch that counts.</param>
    /// <param name="t">[B].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <param name="repeats">Calls, at least 1; one more comes before.</param>
    public static IReadOnlyDictionary<string, double> Of<T>(T network, Tensor x, Tensor t, Conditioning conditioning, int repeats = 15)
        where T : Module, IHookedUNet
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        using IDisposable noGrad = no_grad();
        var times = BackboneSegments.Of(network).Layers.Where(layer => layer.Parent is null).ToDictionary(layer => layer.Name, _ => new List<double>());
        for (int repeat = 0; repeat <= repeats; repeat++)
        {
            using var scope = NewDisposeScope();
            long last = Stopwatch.GetTimestamp();
            _ = network.Predict(x, t, conditioning, new UNetHooks
            {
                Feature = (name, feature) =>
                {
                    if (repeat > 0 && times.TryGetValue(name, out List<double>? of))
                    {
                        of.Add(Stopwatch.GetElapsedTime(last).TotalMilliseconds);
                    }

                    last = Stopwatch.GetTimestamp();
                    return feature;
                },
            });
        }

        return times.Where(layer => layer.Value.Count > 0).ToDictionary(layer => layer.Key, layer => NetworkAccount.Median([.. layer.Value.Order()]));
    }
}

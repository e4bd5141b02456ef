using Millrace.Compression.Segments;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.LayerPruning;

/// <summary>What else layers are ranked by in the literature: cheaper, and further from the truth.</summary>
public static class LayerCriteria
{
    /// <summary>Mean magnitude of a layer's weights.</summary>
    public static IReadOnlyDictionary<string, double> Magnitude(Module network, IEnumerable<SegmentLayer> layers) =>
        Over(network, layers, parameter => parameter.abs().sum().item<float>(), mean: true);

    /// <summary>First-order estimate of how much a loss changes without a layer: the sum of |w dL/dw|.</summary>
    /// <param name="network">The network; its gradients are taken and cleared.</param>
    /// <param name="layers">The layers.</param>
    /// <param name="loss">A scalar under autograd.</param>
    public static IReadOnlyDictionary<string, double> Taylor(Module network, IEnumerable<SegmentLayer> layers, Func<Tensor> loss)
    {
        network.zero_grad();
        using (var scope = NewDisposeScope())
        {
            loss().backward();
        }

        IReadOnlyDictionary<string, double> found = Over(network, layers, parameter => parameter.grad is { } gradient ? (parameter * gradient).abs().sum().item<float>() : 0, mean: false);
        network.zero_grad();
        return found;
    }

    private static Dictionary<string, double> Over(Module network, IEnumerable<SegmentLayer> layers, Func<Tensor, double> of, bool mean)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        (string Name, Tensor Parameter)[] parameters = [.. network.named_parameters().Select(entry => (entry.name, (Tensor)entry.parameter))];
        return layers.ToDictionary(layer => layer.Name, layer => parameters
            .Where(entry => entry.Name.StartsWith(layer.Name + ".", StringComparison.Ordinal)).Sum(entry => of(entry.Parameter)) / (mean ? layer.Parameters : 1));
    }
}

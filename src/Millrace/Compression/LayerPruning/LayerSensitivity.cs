using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.LayerPruning;

/// <summary>
/// How much a network's prediction changes without a layer, one at a time: the additive one-shot criterion. Damages of layers that
/// go together are taken for the sum of their own, which holds where they are small and hardly correlated.
/// </summary>
/// <remarks>Zhang et al. 2024, arXiv 2404.11098: E |eps(R removed) - eps|^2 = sum over R of E |eps(r removed) - eps|^2.</remarks>
public sealed class LayerSensitivity : IDisposable
{
    private const int Quarters = 4;

    private readonly IConditionalNetwork _network;
    private readonly EvaluationStates _states;
    private readonly BackboneSegments _segments;
    private readonly Tensor _whole;

    /// <summary>Asks the whole network once.</summary>
    /// <param name="network">A backbone; used, not owned.</param>
    /// <param name="states">What it is asked about; without guidance, whose scale would enter squared. Used, not owned.</param>
    public LayerSensitivity(IConditionalNetwork network, EvaluationStates states)
    {
        (_network, _states) = (network, states);
        _segments = BackboneSegments.Of((Module)network);
        _whole = Predict(network);
    }

    /// <summary>The damage of each of some layers.</summary>
    /// <param name="layers">Names of residual layers; null for all that can go.</param>
    /// <param name="progress">Told the layer in hand.</param>
    /// <param name="cancellation">Ends it between two layers.</param>
    /// <exception cref="ArgumentException">Where the network has no such layer, or no layer at all that can go.</exception>
    public IReadOnlyList<LayerDamage> Measure(IEnumerable<string>? layers = null, IProgress<string>? progress = null, CancellationToken cancellation = default)
    {
        SegmentLayer[] all = [.. layers?.Select(_segments.Layer) ?? _segments.Removable];
        if (all.Length == 0)
        {
            throw new ArgumentException("The network has no layer that it can do without.", nameof(layers));
        }

        var damages = new List<LayerDamage>();
        foreach (SegmentLayer layer in all)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(layer.Name);
            double[] rows = Rows([layer.Name]);
            double[] ordered = [.. rows.Zip(_states.T.to(float32).data<float>().ToArray()).OrderBy(row => row.Second).Select(row => row.First)];
            damages.Add(new LayerDamage(layer, rows.Average(), [.. ordered.Chunk((ordered.Length + Quarters - 1) / Quarters).Select(chunk => chunk.Average())]));
        }

        return damages;
    }

    /// <summary>The true damage where several layers go together.</summary>
    /// <param name="layers">Names of residual layers.</param>
    public double Joint(IReadOnlyCollection<string> layers) => Rows(layers).Average();

    /// <summary>How far another network's predictions are from the whole one's, mean square.</summary>
    public double Of(IConditionalNetwork other) => Rows(other).Average();

    /// <inheritdoc/>
    public void Dispose() => _whole.Dispose();

    private double[] Rows(IReadOnlyCollection<string> layers)
    {
        using var scope = NewDisposeScope();
        return Rows(new MaskedNetwork(_network, new Gates { Layers = layers.ToDictionary(name => name, _ => zeros(Array.Empty<long>())) }));
    }

    private double[] Rows(IConditionalNetwork network)
    {
        using var scope = NewDisposeScope();
        return Predict(network).Minus(_whole).to(float64).Squared().flatten(1).mean([1]).data<double>().ToArray();
    }

    /// <summary>[N, C, H, W] on the CPU, outside of any scope.</summary>
    private Tensor Predict(IConditionalNetwork network)
    {
        var parts = new List<Tensor>();
        _states.InParts((_, x, t, conditioning) => parts.Add(network.Predict(x.to(network.Precision), t, conditioning).to(float32).cpu().DetachFromDisposeScope()));
        Tensor all = cat([.. parts], 0);
        parts.ForEach(part => part.Dispose());
        return all.DetachFromDisposeScope();
    }
}

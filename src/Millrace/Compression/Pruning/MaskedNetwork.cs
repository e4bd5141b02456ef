using Millrace.Compression.Segments;
using Millrace.Models;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Pruning;

/// <summary>
/// A network under a soft mask: gradients reach the mask, and the network is as it was after every call. Masks of ones change no
/// bit. One call at a time on a network.
/// </summary>
public sealed class MaskedNetwork : IConditionalNetwork
{
    private readonly IConditionalNetwork _network;
    private readonly Func<Tensor, Gates> _gates;
    private readonly BackboneSegments _segments;
    private readonly Dictionary<string, Module> _modules;

    /// <summary>One mask for all calls.</summary>
    /// <param name="network">A backbone; used, not owned.</param>
    /// <param name="gates">The mask.</param>
    /// <exception cref="ArgumentException">Where the mask names what the network does not have, or has another number of units; says which.</exception>
    public MaskedNetwork(IConditionalNetwork network, Gates gates)
        : this(network, _ => gates) => Check(gates);

    /// <summary>A mask for each call.</summary>
    /// <param name="network">A backbone; used, not owned.</param>
    /// <param name="gates">From t [B] to the mask; asked in every call, so that a mask may be drawn anew.</param>
    public MaskedNetwork(IConditionalNetwork network, Func<Tensor, Gates> gates)
    {
        var module = network as Module ?? throw new ArgumentException($"A mask needs a backbone of modules, got {network.GetType().Name}.", nameof(network));
        (_network, _gates, _segments) = (network, gates, BackboneSegments.Of(module));
        _modules = module.named_modules().ToDictionary(part => part.name, part => part.module);
    }

    /// <inheritdoc/>
    public ScalarType Precision => _network.Precision;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        Gates gates = _gates(t);
        Check(gates);
        List<Action> removals = [];
        try
        {
            foreach ((string name, Tensor gate) in gates.Layers)
            {
                removals.AddRange(((IResidualLayer)_modules[name]).Ends.Select(end => AfterCall(_modules[$"{name}.{end}"], output => output * gate.to(output.dtype))));
            }

            foreach ((string name, Tensor gate) in gates.Units)
            {
                removals.AddRange(((IBranchedLayer)_modules[name]).Branch!.Readers.Select(reader =>
                    BeforeCall((Linear)_modules[$"{name}.{reader.Matrix}"], input => input * gate.to(input.dtype).repeat_interleave(reader.Width))));
            }

            return _network.Predict(x, t, conditioning);
        }
        finally
        {
            removals.ForEach(remove => remove());
        }
    }

    private static Action BeforeCall(Linear part, Func<Tensor, Tensor> change) => part.register_forward_pre_hook((_, input) => change(input)).remove;

    private static Action AfterCall(Module part, Func<Tensor, Tensor> change) => ((Module<Tensor, Tensor>)part).register_forward_hook((_, _, output) => change(output)).remove;

    private void Check(Gates gates)
    {
        foreach ((string name, Tensor gate) in gates.Layers)
        {
            Require(_segments.Layer(name).Name, gate, []);
        }

        foreach ((string name, Tensor gate) in gates.Units)
        {
            Require(name, gate, [_segments.Branch(name).Units]);
        }
    }

    private static void Require(string name, Tensor gate, long[] shape)
    {
        if (!gate.shape.SequenceEqual(shape))
        {
            throw new ArgumentException($"The mask of '{name}' must be [{string.Join(", ", shape)}], got [{string.Join(", ", gate.shape)}].", nameof(gate));
        }
    }
}

using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>Keeps weights of a network out of autograd until it is disposed: gradients pass through the network, and none is gathered for them.</summary>
internal sealed class FrozenWeights : IDisposable
{
    private readonly Parameter[] _frozen;

    /// <param name="network">The network.</param>
    /// <param name="except">Parts that stay trainable; null for none.</param>
    public FrozenWeights(Module network, Module? except = null)
    {
        HashSet<Parameter> free = [.. except?.parameters() ?? []];
        _frozen = [.. network.parameters().Where(parameter => parameter.requires_grad && !free.Contains(parameter))];
        Require(false);
    }

    public void Dispose() => Require(true);

    private void Require(bool gradient)
    {
        foreach (Parameter parameter in _frozen)
        {
            parameter.requires_grad = gradient;
        }
    }
}

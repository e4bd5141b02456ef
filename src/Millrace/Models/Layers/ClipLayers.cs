using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Layers one behind another, each on what the one before it gives.</summary>
internal sealed class ClipLayers : Module
{
    [ComponentName(Name = "layers")]
    private readonly ModuleList<ClipLayer> _layers;

    public ClipLayers(int count, ClipLayerOptions options, TensorOptions tensors)
        : base(nameof(ClipLayers))
    {
        _layers = ModuleList([.. Enumerable.Range(0, count).Select(_ => new ClipLayer(options, tensors))]);
        RegisterComponents();
    }

    /// <summary>What the last layer gives, and what it was given, both [B, N, width], in the dispose scope of the caller.</summary>
    public (Tensor Last, Tensor Penultimate) Run(Tensor hidden)
    {
        Tensor penultimate = hidden;
        foreach (ClipLayer layer in _layers)
        {
            (penultimate, hidden) = (hidden, layer.call(hidden));
        }

        return (hidden, penultimate);
    }
}

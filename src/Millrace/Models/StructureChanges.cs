using Millrace.Models.Layers;
using static TorchSharp.torch.nn;

namespace Millrace.Models;

/// <summary>In what a network differs from the architecture that its options name: layers that are gone, units that are fewer, convolutions and attentions that are of another kind. Names are those of checkpoints.</summary>
public sealed record StructureChanges
{
    /// <summary>None.</summary>
    public static StructureChanges None { get; } = new();

    /// <summary>Residual layers that pass their input on, such as <c>down_blocks.0.resnets.1</c>.</summary>
    public IReadOnlyList<string> Removed { get; init; } = [];

    /// <summary>Units that are left: heads of an attention such as <c>mid_block.attentions.0.transformer_blocks.0.attn1</c>, hidden channels of a feed-forward network such as <c>transformer_blocks.0.ff</c>.</summary>
    public IReadOnlyDictionary<string, int> Kept { get; init; } = new Dictionary<string, int>();

    /// <summary>Kernels besides their own of convolutions of residual blocks, such as <c>mid_block.resnets.0.conv1</c>, that are mixed anew for every row.</summary>
    public IReadOnlyDictionary<string, int> Experts { get; init; } = new Dictionary<string, int>();

    /// <summary>Attentions of pixels to each other, such as <c>down_blocks.0.attentions.0</c>, that are ones of windows and pooled tokens.</summary>
    public IReadOnlyDictionary<string, RegionalAttentionOptions> Regions { get; init; } = new Dictionary<string, RegionalAttentionOptions>();

    /// <summary>Whether nothing differs.</summary>
    public bool IsEmpty => Removed.Count + Kept.Count + Experts.Count + Regions.Count == 0;

    /// <summary>Changes a network that was just built.</summary>
    /// <exception cref="ArgumentException">Where the network has no such layer, or it cannot be changed so; names it.</exception>
    internal void ApplyTo(Module network, TensorOptions? tensors)
    {
        if (IsEmpty)
        {
            return;
        }

        tensors ??= TensorOptions.Default;
        Dictionary<string, Module> modules = network.named_modules().ToDictionary(part => part.name, part => part.module);
        T Find<T>(string name, string what)
            where T : class => modules.GetValueOrDefault(name) as T
                ?? throw new ArgumentException($"This {network.GetName()} has no {what} '{name}'.", nameof(network));

        foreach ((string name, int units) in Kept)
        {
            IBranchedLayer layer = Find<IBranchedLayer>(name, "layer of heads or channels");
            int most = layer.Branch?.Units ?? 0;
            if (units < 0 || units > most)
            {
                throw new ArgumentException($"'{name}' must keep from 0 to {most} units, got {units}.", nameof(network));
            }

            layer.Keep(units, tensors);
        }

        foreach ((string name, int experts) in Experts)
        {
            int point = name.LastIndexOf('.');
            Find<IExpertHost>(name[..Math.Max(0, point)], "residual block with the convolution").UseExperts(name[(point + 1)..], experts, tensors);
        }

        foreach ((string name, RegionalAttentionOptions regions) in Regions)
        {
            Find<IRegionalLayer>(name, "attention").UseRegions(regions, tensors);
        }

        foreach (string name in Removed)
        {
            Find<IResidualLayer>(name, "residual layer").Remove();
        }
    }
}

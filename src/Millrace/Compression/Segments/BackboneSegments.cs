using Millrace.Models.Layers;
using Millrace.Models.UNets;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Segments;

/// <summary>
/// A backbone taken apart: blocks, residual layers, units within layers, and the slots of skips. All bear the names of their
/// parameters in a checkpoint, which are also those that hooks know. What masks, removal, caches and search over an architecture
/// have in common. A description alone: it holds nothing of the network.
/// </summary>
public sealed record BackboneSegments
{
    private static readonly string[] UNetStages = ["down_blocks", "mid_block", "up_blocks"];

    private BackboneSegments(Module network)
    {
        (string Name, Module Part)[] parts = [.. Walk(network, "")];
        Blocks = [.. parts.Where(part => IsBlock(part.Name)).Select(part => new SegmentBlock(part.Name, Parameters(part.Part)))];
        Layers = FindLayers(parts);
        Branches = [.. parts.SelectMany(part => part.Part is IBranchedLayer { Branch: { } branch } ? [Branch(part.Name, part.Part, branch)] : Array.Empty<SegmentBranch>())];
        Skips = FindSkips(parts);
        TotalParameters = Parameters(network);
    }

    /// <summary>In the order of computation.</summary>
    public IReadOnlyList<SegmentBlock> Blocks { get; }

    /// <summary>Block after block, each layer before those within it; in a block of a U-Net residual blocks before attentions.</summary>
    public IReadOnlyList<SegmentLayer> Layers { get; }

    /// <summary>Block after block.</summary>
    public IReadOnlyList<SegmentBranch> Branches { get; }

    /// <summary>From the finest; empty for networks without.</summary>
    public IReadOnlyList<SegmentSkip> Skips { get; }

    /// <summary>Parameters of the whole network.</summary>
    public long TotalParameters { get; }

    /// <summary>The layers that are no part of another one and that the network can do without: none overlaps another.</summary>
    public IReadOnlyList<SegmentLayer> Removable => [.. Layers.Where(layer => layer.Parent is null && layer.KeepsShape)];

    /// <summary>Takes a network apart.</summary>
    public static BackboneSegments Of(Module network) => new(network);

    /// <summary>The layer of a name.</summary>
    /// <exception cref="ArgumentException">Where there is none; lists them.</exception>
    public SegmentLayer Layer(string name) => Find(Layers, layer => layer.Name, name, "residual layer");

    /// <summary>The units of a name.</summary>
    /// <exception cref="ArgumentException">Where there are none; lists them.</exception>
    public SegmentBranch Branch(string name) => Find(Branches, branch => branch.Name, name, "layer of heads or channels");

    private static T Find<T>(IReadOnlyList<T> all, Func<T, string> nameOf, string name, string what) => all.FirstOrDefault(one => nameOf(one) == name)
        ?? throw new ArgumentException($"The network has no {what} '{name}'; there are {string.Join(", ", all.Select(nameOf))}.", nameof(name));

    /// <summary>All parts in the order in which they were registered, each before those within it.</summary>
    private static IEnumerable<(string Name, Module Part)> Walk(Module module, string prefix) => module.named_children().SelectMany(child =>
        Walk(child.module, $"{prefix}{child.name}.").Prepend(($"{prefix}{child.name}", child.module)));

    private static long Parameters(Module part) => part.parameters().Sum(parameter => parameter.numel());

    private static SegmentLayer[] FindLayers((string Name, Module Part)[] parts)
    {
        var layers = new List<SegmentLayer>();
        foreach ((string name, Module part) in parts)
        {
            // A layer that was removed has no parts to speak of.
            if (part is not IResidualLayer residual || !part.named_modules().Any(inner => residual.Ends.Contains(inner.name)))
            {
                continue;
            }

            LayerKind kind = part is ResnetBlock2D ? LayerKind.ResidualBlock : part is SpatialTransformer or PixelAttention or MotionModule ? LayerKind.Attention : LayerKind.TransformerBlock;
            long kept = residual.KeepsShape ? 0 : part.named_children().Where(child => child.name == "conv_shortcut").Sum(child => Parameters(child.module));
            string? parent = layers.LastOrDefault(layer => name.StartsWith(layer.Name + ".", StringComparison.Ordinal))?.Name;
            layers.Add(new SegmentLayer(name, kind, BlockOf(name), parent, Parameters(part) - kept, residual.KeepsShape));
        }

        return [.. layers];
    }

    private static SegmentBranch Branch(string name, Module part, LayerBranch branch)
    {
        Dictionary<string, Module> inner = part.named_modules().ToDictionary(one => one.name, one => one.module);
        long rows = branch.Makers.Sum(maker => inner[maker.Matrix] is Linear matrix ? maker.Width * (matrix.Weight.shape[1] + (matrix.Bias is null ? 0 : 1)) : 0);
        long columns = branch.Readers.Sum(reader => inner[reader.Matrix] is Linear matrix ? reader.Width * matrix.Weight.shape[0] : 0);
        return new SegmentBranch(name, branch.Kind, BlockOf(name), branch.Units, rows + columns);
    }

    /// <summary>Skips are taken last first, one by every residual block of the way up.</summary>
    private static SegmentSkip[] FindSkips((string Name, Module Part)[] parts)
    {
        string[] takers = [.. parts.Where(part => part.Part is ResnetBlock2D && part.Name.StartsWith("up_blocks.", StringComparison.Ordinal) && part.Name.Contains(".resnets.", StringComparison.Ordinal)).Select(part => part.Name)];
        if (takers.Length == 0)
        {
            return [];
        }

        var givers = new List<string> { "conv_in" };
        foreach ((string name, Module block) in parts.Where(part => part.Part is DownBlock2D))
        {
            HashSet<string> inner = [.. block.named_modules().Select(part => part.name)];
            int layers = ((DownBlock2D)block).Layers;
            string Last(int layer) => inner.Contains($"motion_modules.{layer}") ? "motion_modules" : inner.Contains($"attentions.{layer}") ? "attentions" : "resnets";
            givers.AddRange(Enumerable.Range(0, layers).Select(layer => $"{name}.{Last(layer)}.{layer}"));
            givers.AddRange(inner.Contains("downsamplers.0") ? [$"{name}.downsamplers.0"] : Array.Empty<string>());
        }

        return [.. givers.Select((giver, index) => new SegmentSkip(index, giver, takers[givers.Count - 1 - index]))];
    }

    private static bool IsBlock(string name) => name == BlockOf(name) && name.Length > 0;

    /// <summary>The beginning of a name that says the block: up to the number, or the middle of a U-Net, or one of the convolutions at its ends.</summary>
    private static string BlockOf(string name)
    {
        string[] words = name.Split('.');
        return words[0] is "mid_block" or "conv_in" or "conv_out" ? words[0]
            : words.Length > 1 && (UNetStages.Contains(words[0]) || words[0].EndsWith("transformer_blocks", StringComparison.Ordinal)) ? $"{words[0]}.{words[1]}"
            : "";
    }
}

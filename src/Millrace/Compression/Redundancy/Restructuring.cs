using Millrace.Models;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Redundancy;

/// <summary>Gives a network, which keeps its weights, convolutions and attentions of another kind.</summary>
/// <remarks>Reconstructed from the abstract of arXiv 2312.15516, which names the parts and gives no formula.</remarks>
public static class Restructuring
{
    private static readonly string[] Convolutions = ["conv1", "conv2"];

    /// <summary>
    /// Convolutions that get the kernels of removed neighbours as experts: for every residual block of a stage that lost some, the
    /// kernels of the same place in the lost blocks, where their shape is the same. At the start the own kernel counts nearly alone.
    /// </summary>
    /// <typeparam name="T">A U-Net.</typeparam>
    /// <param name="network">What is left; stays as it is.</param>
    /// <param name="whole">The network that it is left of.</param>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where no kernel of the same shape was lost anywhere.</exception>
    public static T WithInheritedExperts<T>(T network, T whole)
        where T : Module
    {
        StructureChanges changes = ChangesOf(network);
        Dictionary<string, Tensor> left = network.state_dict(), all = whole.state_dict();
        var donors = new Dictionary<string, Tensor[]>();
        foreach (string name in left.Keys.Where(name => Convolutions.Any(convolution => name.EndsWith($".{convolution}.weight", StringComparison.Ordinal))))
        {
            string[] words = name.Split('.');
            string stage = string.Join('.', words[..^3]), convolution = words[^2];
            Tensor[] kernels = [.. changes.Removed.Where(layer => layer.StartsWith(stage + ".", StringComparison.Ordinal))
                .Select(layer => all.GetValueOrDefault($"{layer}.{convolution}.weight")).OfType<Tensor>().Where(kernel => kernel.shape.SequenceEqual(left[name].shape))];
            string path = name[..^".weight".Length];
            if (kernels.Length > 0 && !changes.Experts.ContainsKey(path))
            {
                donors.Add(path, kernels);
            }
        }

        if (donors.Count == 0)
        {
            throw new ArgumentException("No residual block of the shape of one that is left was removed beside it: there are no kernels to inherit.", nameof(whole));
        }

        T mixed = With(network, changes with { Experts = changes.Experts.Concat(donors.Select(donor => KeyValuePair.Create(donor.Key, donor.Value.Length))).ToDictionary() });
        using IDisposable noGrad = no_grad();
        foreach (MultiExpertConvolution2d convolution in donors.Keys.Select(name => (MultiExpertConvolution2d)mixed.named_modules().First(part => part.name == name).module))
        {
            convolution.StartWithOwnKernel();
        }

        Dictionary<string, Tensor> state = mixed.state_dict();
        foreach ((string name, Tensor[] kernels) in donors)
        {
            using Tensor stacked = stack(kernels, 0);
            state[$"{name}.experts"].copy_(stacked);
        }

        return mixed;
    }

    /// <summary>Attentions of pixels to each other become ones of windows and pooled tokens, half and half at the start; their projections stay.</summary>
    /// <typeparam name="T">A U-Net.</typeparam>
    /// <param name="network">Stays as it is.</param>
    /// <param name="attentions">Their names: <c>down_blocks.0.attentions.0</c> where pixels alone are attended to, <c>down_blocks.0.attentions.0.transformer_blocks.0.attn1</c> beside a text.</param>
    /// <param name="options">Of every one.</param>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where there is no such attention, or it is not one of pixels to each other.</exception>
    public static T WithRegions<T>(T network, IReadOnlyList<string> attentions, RegionalAttentionOptions options)
        where T : Module
    {
        options.Validate();
        StructureChanges changes = ChangesOf(network);
        T regional = With(network, changes with { Regions = changes.Regions.Where(entry => !attentions.Contains(entry.Key)).Concat(attentions.Select(name => KeyValuePair.Create(name, options))).ToDictionary() });
        using IDisposable noGrad = no_grad();
        Dictionary<string, Tensor> state = regional.state_dict();
        foreach (string name in attentions)
        {
            state[$"{name}.{GlobalRegionalAttention.Part}.gate"].Fill(0);
        }

        return regional;
    }

    private static StructureChanges ChangesOf(Module network) => (network as IRestructuredNetwork)?.Changes
        ?? throw new ArgumentException($"Parts are replaced in U-Nets, DiT and PixArt, not in a {network.GetName()}.", nameof(network));

    /// <summary>The same weights under other changes; what is new has no values.</summary>
    private static T With<T>(T network, StructureChanges changes)
        where T : Module
    {
        Dictionary<string, Tensor> from = network.state_dict();
        Tensor any = from.Values.First();
        var changed = (T)((IRestructuredNetwork)network).With(changes, new TensorOptions(any.dtype, any.device));
        using IDisposable noGrad = no_grad();
        foreach ((string name, Tensor target) in changed.state_dict().Where(target => from.ContainsKey(target.Key)))
        {
            target.copy_(from[name]);
        }

        return changed;
    }
}

using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.MaskLearning;

/// <summary>A logit for every attention head and every feed-forward channel of a backbone: what is trained instead of its weights.</summary>
public sealed class UnitMask : Module
{
    private readonly (SegmentBranch Branch, Parameter Logits)[] _sites;
    private readonly HardConcrete _distribution;

    /// <summary>All units open.</summary>
    /// <param name="segments">The backbone.</param>
    /// <param name="distribution">From logits to gates; null for the usual one.</param>
    /// <param name="initial">First value of every logit.</param>
    /// <exception cref="ArgumentException">Where the backbone has no heads and no feed-forward channels.</exception>
    public UnitMask(BackboneSegments segments, HardConcrete? distribution = null, double initial = 3)
        : base(nameof(UnitMask))
    {
        _distribution = distribution ?? new HardConcrete();
        _distribution.Validate();
        if (segments.Branches.Count == 0)
        {
            throw new ArgumentException("The backbone has no attention heads and no feed-forward channels to mask.", nameof(segments));
        }

        _sites = [.. segments.Branches.Select(branch => (branch, new Parameter(TensorArithmetic.Filled(initial, null, branch.Units))))];
        foreach ((SegmentBranch branch, Parameter logits) in _sites)
        {
            register_parameter(branch.Name.Replace('.', '_'), (Parameter)logits.DetachFromDisposeScope());
        }
    }

    /// <summary>Logits by the name of their layer, [units] each.</summary>
    public IReadOnlyDictionary<string, Parameter> Logits => _sites.ToDictionary(site => site.Branch.Name, site => site.Logits);

    /// <summary>Random gates that are a function of a seed and of t alone: a step that is computed again meets the same ones.</summary>
    /// <param name="seed">Of this draw.</param>
    /// <param name="t">Time of the step, the same in every row, [B].</param>
    /// <returns>Under autograd, in the dispose scope of the caller.</returns>
    public Gates Draw(long seed, Tensor t)
    {
        using Tensor first = t.narrow(0, 0, 1).to(float32).cpu();
        using var random = new SeededRandom(SeedMix.Of(seed, BitConverter.SingleToInt32Bits(first.item<float>())), CPU);
        return new Gates { Units = _sites.ToDictionary(site => site.Branch.Name, site => Gate(site.Logits, random)) };
    }

    /// <summary>Mean over the layers of the mean |logit|: pulls logits to where a gate is half open.</summary>
    /// <remarks>The penalty of arXiv 2412.02852 in its published code.</remarks>
    /// <returns>A scalar under autograd; the caller's to dispose.</returns>
    public Tensor Penalty()
    {
        using var scope = NewDisposeScope();
        return stack([.. _sites.Select(site => site.Logits.abs().mean())]).mean().MoveToOuterDisposeScope();
    }

    /// <summary>The logits as scores of the units.</summary>
    public IReadOnlyDictionary<string, double[]> Scores() => _sites.ToDictionary(site => site.Branch.Name, site => site.Logits.detach().to(float64).data<double>().ToArray());

    private Tensor Gate(Parameter logits, SeededRandom random)
    {
        using Tensor uniform = random.Uniform(logits.shape);
        return _distribution.Gate(logits, uniform);
    }
}

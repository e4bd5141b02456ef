using static TorchSharp.torch;

namespace Millrace.Compression.Pruning;

/// <summary>A soft mask: what residual layers and units are multiplied by, 1 for as they are, 0 for gone. A view of tensors, which may be under autograd.</summary>
public sealed record Gates
{
    /// <summary>None: everything is as it is.</summary>
    public static Gates None { get; } = new();

    /// <summary>From the name of a residual layer to a number, [], that f of y = x + f(x) is multiplied by.</summary>
    public IReadOnlyDictionary<string, Tensor> Layers { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>From the name of a layer of heads or channels to a number for each of its units, [units].</summary>
    public IReadOnlyDictionary<string, Tensor> Units { get; init; } = new Dictionary<string, Tensor>();
}

namespace Millrace.Checkpoints.Adapters;

/// <summary>What a LoRA adds to one layer: scale alpha / rank times the product of two matrices.</summary>
/// <param name="Name">The layer, in the words of the file.</param>
/// <param name="Down">Tensor [rank, in] or [rank, in, kernel, kernel].</param>
/// <param name="Up">Tensor [out, rank] or [out, rank, 1, 1].</param>
/// <param name="Alpha">Alpha, where the file tells; without it, alpha is the rank.</param>
internal sealed record LoraLayer(string Name, TensorEntry Down, TensorEntry Up, double? Alpha)
{
    /// <summary>Inner width of the product.</summary>
    public long Rank => Down.Shape[0];

    /// <summary>Number of weights that it changes.</summary>
    public long Count => Up.Count / Rank * (Down.Count / Rank);
}

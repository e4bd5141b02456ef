using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Units side by side: the rows of matrices that make them and the columns of matrices that read them.</summary>
/// <param name="Kind">What they are.</param>
/// <param name="Units">How many.</param>
/// <param name="Makers">Whose rows make them.</param>
/// <param name="Readers">Whose columns read them, and nothing else.</param>
internal sealed record LayerBranch(BranchKind Kind, int Units, IReadOnlyList<LayerBranch.Part> Makers, IReadOnlyList<LayerBranch.Part> Readers)
{
    /// <summary>The heads of an attention with the usual names: <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, and <c>to_out.0</c> behind.</summary>
    public static LayerBranch OfHeads(int heads, int width) =>
        new(BranchKind.AttentionHead, heads, [new("to_q", 0, width), new("to_k", 0, width), new("to_v", 0, width)], [new("to_out.0", 0, width)]);

    /// <summary>Gives the matrices of a layer the sizes of another number of units.</summary>
    public void Resize(Module layer, int units, TensorOptions tensors)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(units);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(units, Units);
        Dictionary<string, Module> modules = layer.named_modules().ToDictionary(part => part.name, part => part.module);
        foreach (IGrouping<string, Part> parts in Makers.GroupBy(part => part.Matrix))
        {
            var matrix = (Linear)modules[parts.Key];
            matrix.Resize(matrix.Weight.shape[0] - ((Units - units) * parts.Sum(part => part.Width)), matrix.Weight.shape[1], tensors);
        }

        foreach (Part part in Readers)
        {
            var matrix = (Linear)modules[part.Matrix];
            matrix.Resize(matrix.Weight.shape[0], units * part.Width, tensors);
        }
    }

    /// <summary>Rows or columns of one matrix: unit u has those from <paramref name="Start"/> + u <paramref name="Width"/> on.</summary>
    /// <param name="Matrix">Name of a <see cref="Linear"/> within the layer.</param>
    /// <param name="Start">Where the first unit begins.</param>
    /// <param name="Width">Rows or columns of a unit.</param>
    public readonly record struct Part(string Matrix, int Start, int Width)
    {
        /// <summary>The rows or columns of some units.</summary>
        public IEnumerable<long> Of(IEnumerable<int> units)
        {
            (int start, int width) = (Start, Width);
            return units.SelectMany(unit => Enumerable.Range(start + (unit * width), width)).Select(index => (long)index);
        }
    }
}

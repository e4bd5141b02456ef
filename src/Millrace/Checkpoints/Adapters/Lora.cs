using static TorchSharp.torch;

namespace Millrace.Checkpoints.Adapters;

/// <summary>A LoRA that is on a model; <see cref="LoraSet"/> changes and removes it.</summary>
/// <remarks>Hu et al. 2021, arXiv 2106.09685, equation 3: W = W_0 + scale (alpha / rank) B A.</remarks>
public sealed class Lora
{
    internal Lora(string path, double scale, IReadOnlyDictionary<LoraTarget, LoraProduct> layers) => (Path, Scale, Layers) = (path, scale, layers);

    /// <summary>The file that it came from.</summary>
    public string Path { get; }

    /// <summary>How strong it is: 0 is off, 1 what its maker meant.</summary>
    public double Scale { get; internal set; }

    /// <summary>Number of layers that it changes.</summary>
    public int LayerCount => Layers.Count;

    internal IReadOnlyDictionary<LoraTarget, LoraProduct> Layers { get; }
}

/// <summary>The two matrices of a layer.</summary>
/// <param name="Down">A, [rank, in], float32.</param>
/// <param name="Up">B, [out, rank], float32, with alpha / rank in it.</param>
internal sealed record LoraProduct(Tensor Down, Tensor Up) : IDisposable
{
    public void Dispose()
    {
        Down.Dispose();
        Up.Dispose();
    }
}

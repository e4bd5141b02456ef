using Millrace.Checkpoints;
using static TorchSharp.torch;

namespace Millrace.Tests.Support;

/// <summary>Tensors saved from a reference implementation, and the comparison with them.</summary>
internal static class Golden
{
    /// <summary>Reads all tensors of a safetensors file.</summary>
    public static Dictionary<string, Tensor> Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Entries.ToDictionary(entry => entry.Name, entry => file.Read(entry.Name));
    }

    /// <summary>The largest absolute difference over the largest absolute expected value.</summary>
    public static double RelativeError(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        using var scope = NewDisposeScope();
        return (actual.Minus(expected).abs().max() / expected.abs().max()).item<float>();
    }
}

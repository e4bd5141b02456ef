using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace Millrace.Tests.Support;

/// <summary>Tensors saved from a reference implementation, and the comparison with them.</summary>
internal static class Golden
{
    /// <summary>Reads the float32 and int64 tensors of a small safetensors file.</summary>
    public static Dictionary<string, Tensor> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        var tensors = new Dictionary<string, Tensor>();
        foreach (JsonProperty entry in header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(side => side.GetInt64())];
            int[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32())];
            ScalarType type = entry.Value.GetProperty("dtype").GetString() == "I64" ? int64 : float32;
            Tensor value = empty(shape, dtype: type);
            file.AsSpan((8 + headerLength + offsets[0])..(8 + headerLength + offsets[1])).CopyTo(value.bytes);
            tensors.Add(entry.Name, value);
        }

        return tensors;
    }

    /// <summary>The largest absolute difference over the largest absolute expected value.</summary>
    public static double RelativeError(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        using var scope = NewDisposeScope();
        return ((actual - expected).abs().max() / expected.abs().max()).item<float>();
    }
}

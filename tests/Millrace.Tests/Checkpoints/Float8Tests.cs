using System.Buffers.Binary;
using System.Text;
using Millrace.Checkpoints;
using Millrace.Tests.Cli;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

/// <summary>Weights of 8 bits become the float16 that they are.</summary>
public sealed class Float8Tests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("F8_E4M3", 0x00, 0)]
    [InlineData("F8_E4M3", 0x01, 0.001953125)]
    [InlineData("F8_E4M3", 0x07, 0.013671875)]
    [InlineData("F8_E4M3", 0x08, 0.015625)]
    [InlineData("F8_E4M3", 0x38, 1)]
    [InlineData("F8_E4M3", 0xB9, -1.125)]
    [InlineData("F8_E4M3", 0x7E, 448)]
    [InlineData("F8_E4M3", 0x7F, double.NaN)]
    [InlineData("F8_E5M2", 0x01, 0.0000152587890625)]
    [InlineData("F8_E5M2", 0x3C, 1)]
    [InlineData("F8_E5M2", 0xBD, -1.25)]
    [InlineData("F8_E5M2", 0x7B, 57344)]
    [InlineData("F8_E5M2", 0x7C, double.PositiveInfinity)]
    public void A_byte_has_the_value_of_the_format(string type, byte stored, double expected)
    {
        using var scope = NewDisposeScope();
        using SafetensorsFile file = Open(type, [stored]);

        Assert.Equal((type, 1L), (file["a"].StoredType, file["a"].ByteCount));
        Assert.Equal(expected, (double)file.Read("a", ScalarType.Float32).item<float>());
        Assert.Equal(ScalarType.Float16, file.Read("a").dtype);
    }

    [Fact]
    public void Many_are_read_in_parts_and_in_any_precision()
    {
        using var scope = NewDisposeScope();
        byte[] stored = [.. Enumerable.Range(0, 3_000_000).Select(index => (byte)(index % 0x7E))];
        using SafetensorsFile file = Open("F8_E4M3", stored);
        Tensor whole = file.Read("a", ScalarType.Float32);
        using SafetensorsFile few = Open("F8_E4M3", stored[..0x7E]);

        Assert.True(whole.narrow(0, 2_999_934, 0x7E - 60).Equals(few.Read("a", ScalarType.Float32).narrow(0, 2_999_934 % 0x7E, 0x7E - 60)));
        Assert.True(file.Read("a", ScalarType.BFloat16).Equals(whole.to(bfloat16)));
    }

    private SafetensorsFile Open(string type, byte[] data)
    {
        string header = $$"""{ "a": { "dtype": "{{type}}", "shape": [{{data.Length}}], "data_offsets": [0, {{data.Length}}] } }""";
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        string path = _folder.File($"{data.Length}.safetensors");
        File.WriteAllBytes(path, [.. length, .. Encoding.ASCII.GetBytes(header), .. data]);
        return SafetensorsFile.Open(path);
    }
}

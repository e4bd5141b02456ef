using System.Buffers.Binary;
using System.Text;
using Millrace.Checkpoints;
using Millrace.Files;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("tensors.safetensors");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Int16)]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Bool)]
    public void Every_type_is_read_as_it_was_written(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>
        {
            ["matrix"] = randint(0, 2, [3, 5]).to(type),
            ["scalar"] = ones([], dtype: type),
            ["empty"] = zeros([0, 4], dtype: type),
            ["transposed"] = randint(0, 2, [4, 2]).to(type).transpose(0, 1),
        };
        SafetensorsWriter.Write(Target, tensors, new Dictionary<string, string> { ["key"] = "välue" });
        using SafetensorsFile file = SafetensorsFile.Open(Target);

        Assert.Equal("välue", file.Metadata["key"]);
        Assert.Equal(tensors.Keys.Order(), file.Entries.Select(entry => entry.Name).Order());
        Assert.All(tensors, entry =>
        {
            Tensor read = file.Read(entry.Key);
            Assert.Equal(type, read.dtype);
            Assert.Equal(entry.Value.shape, read.shape);
            Assert.True(read.Equals(entry.Value.contiguous()), entry.Key);
        });
    }

    [Fact]
    public void Types_of_different_width_stand_in_one_file()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor> { ["a"] = ones(3, dtype: int8), ["b"] = ones(3, dtype: float64), ["c"] = ones(3, dtype: float16), ["d"] = ones(3) };
        SafetensorsWriter.Write(Target, tensors);
        using SafetensorsFile file = SafetensorsFile.Open(Target);

        Assert.All(tensors, entry => Assert.True(file.Read(entry.Key).Equals(entry.Value)));
        Assert.All(file.Entries, entry => Assert.Equal(0, entry.Start % entry.Type switch { ScalarType.Float64 => 8, ScalarType.Float32 => 4, ScalarType.Float16 => 2, _ => 1 }));
    }

    [Fact]
    public void The_same_tensors_give_the_same_bytes_in_any_order()
    {
        using var scope = NewDisposeScope();
        Tensor first = rand(3), second = rand(2, 2);
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("a", first), KeyValuePair.Create("b", second)]);
        byte[] bytes = File.ReadAllBytes(Target);
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("b", second), KeyValuePair.Create("a", first)]);

        Assert.Equal(bytes, File.ReadAllBytes(Target));
    }

    [Fact]
    public void A_tensor_is_converted_on_reading_and_on_writing()
    {
        using var scope = NewDisposeScope();
        Tensor values = tensor([1f, 2.5f, -3f]), whole = tensor([1L, 2L]);
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("values", values), KeyValuePair.Create("whole", whole)], precision: ScalarType.BFloat16);
        using SafetensorsFile file = SafetensorsFile.Open(Target);

        Assert.Equal(ScalarType.BFloat16, file["values"].Type);
        Assert.Equal(ScalarType.Int64, file["whole"].Type);
        Assert.True(file.Read("values", ScalarType.Float32).Equals(values));
        Assert.True(file.Read("whole", ScalarType.Float64).Equals(tensor([1.0, 2.0])));
    }

    [Fact]
    public void A_tensor_is_read_into_memory_that_is_there()
    {
        using var scope = NewDisposeScope();
        Tensor values = rand(2, 3);
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("values", values)]);
        using SafetensorsFile file = SafetensorsFile.Open(Target);
        Tensor same = zeros(2, 3), strided = zeros(3, 2).transpose(0, 1), parameter = nn.Parameter(zeros(2, 3));
        file.CopyTo("values", same);
        file.CopyTo("values", strided);
        file.CopyTo("values", parameter);

        Assert.True(same.Equals(values));
        Assert.True(strided.Equals(values));
        Assert.True(parameter.detach().Equals(values));
        Assert.Throws<ArgumentException>(() => file.CopyTo("values", zeros(3, 2)));
        Assert.Throws<KeyNotFoundException>(() => file.CopyTo("nosuch", same));
        Assert.Throws<KeyNotFoundException>(() => file.Read("nosuch"));
    }

    [Fact]
    public void A_file_without_tensors_is_a_file()
    {
        SafetensorsWriter.Write(Target, []);
        using SafetensorsFile file = SafetensorsFile.Open(Target);

        Assert.Empty(file.Entries);
    }

    [Fact]
    public void A_failed_writing_leaves_the_old_file_and_no_other()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("a", ones(1))]);
        byte[] before = File.ReadAllBytes(Target);
        Tensor gone = ones(1);
        IEnumerable<KeyValuePair<string, Tensor>> broken = [KeyValuePair.Create("a", zeros(2)), KeyValuePair.Create("b", complex(ones(1), ones(1)))];

        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Target, broken));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Target, [KeyValuePair.Create("a", gone), KeyValuePair.Create("a", gone)]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Target, [KeyValuePair.Create("__metadata__", gone)]));
        Assert.Throws<NotSupportedException>(() => AtomicFile.Write(Target, stream =>
        {
            stream.WriteByte(1);
            throw new NotSupportedException();
        }));
        Assert.Equal(before, File.ReadAllBytes(Target));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void No_tensor_outlives_reading_and_writing()
    {
        using var scope = NewDisposeScope();
        Tensor values = rand(2, 3).transpose(0, 1);
        Living.StaysConstant(() =>
        {
            SafetensorsWriter.Write(Target, [KeyValuePair.Create("values", values)], precision: ScalarType.Float16);
            using SafetensorsFile file = SafetensorsFile.Open(Target);
            file.Read("values").Dispose();
            file.Read("values", ScalarType.Float32).Dispose();
            file.CopyTo("values", values);
        });
    }

    [Theory]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "tensor 'a' occurs twice")]
    [InlineData("{\"a\":{\"dtype\":\"F8_E8M0\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "unknown dtype 'F8_E8M0'")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "not a whole number")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "not a whole number")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", 4, "not a whole number")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4611686018427387904],\"data_offsets\":[0,4]}}", 4, "more than 2^63 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[0,4611686018427387904,8],\"data_offsets\":[0,0]}}", 0, "more than 2^63 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]}}", 4, "not a whole number")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "of shape [2] and dtype F32 needs 8 bytes, its range is 0..4")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "its range is 4..0")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "the file is truncated")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "1 bytes after the last tensor belong to no tensor")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "bytes 0..4 before tensor 'a' belong to no tensor")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "inside the one before it")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks a dtype string, a shape array or a data_offsets pair")]
    [InlineData("{\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "lacks a dtype string")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":{},\"data_offsets\":[0,4]}}", 4, "lacks a dtype string")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,2,4]}}", 4, "lacks a dtype string")]
    [InlineData("{\"a\":null}", 0, "lacks a dtype string")]
    [InlineData("{\"__metadata__\":[]}", 0, "'__metadata__' is not a JSON object")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", 0, "holds 'a', which is not a string")]
    [InlineData("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "'__metadata__' occurs twice")]
    [InlineData("[]", 0, "its header is not a JSON object")]
    [InlineData("{", 0, "its header is not JSON")]
    [InlineData("", 0, "its header is not JSON")]
    [InlineData("{\"\\ud800\":null}", 0, "not valid Unicode")]
    public void A_hostile_header_is_refused(string header, int dataLength, string reason)
    {
        Write((ulong)Encoding.UTF8.GetByteCount(header), header, dataLength);

        Refused(reason);
    }

    [Theory]
    [InlineData(100UL, "its header claims 100 bytes, the file has 6 after the length")]
    [InlineData(100_000_001UL, "its header claims 100000001 bytes")]
    [InlineData(ulong.MaxValue, "its header claims 18446744073709551615 bytes")]
    public void A_header_that_is_longer_than_it_may_be_is_refused(ulong length, string reason)
    {
        Write(length, "{}", 4);

        Refused(reason);
    }

    [Fact]
    public void What_is_too_short_or_not_there_is_refused()
    {
        File.WriteAllBytes(Target, [1, 2, 3]);
        Refused("it has 3 bytes, a safetensors file has at least 8");
        File.WriteAllBytes(Target, []);
        Refused("it has 0 bytes");
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(_folder.File("nosuch")));
    }

    [Fact]
    public void More_dimensions_than_libtorch_computes_with_are_refused()
    {
        string shape = string.Join(',', Enumerable.Repeat(1, 65));
        string header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[0,4]}}";
        Write((ulong)header.Length, header, 4);

        Refused("tensor 'a' has 65 dimensions, 64 is the limit");
    }

    private void Write(ulong length, string header, int dataLength)
    {
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
        File.WriteAllBytes(Target, [.. prefix, .. Encoding.UTF8.GetBytes(header), .. new byte[dataLength]]);
    }

    private void Refused(string reason)
    {
        string message = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(Target)).Message;
        Assert.StartsWith($"'{Target}' is not a valid safetensors file: ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }
}

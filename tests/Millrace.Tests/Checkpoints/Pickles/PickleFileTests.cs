using System.IO.Compression;
using Millrace.Checkpoints;
using Millrace.Checkpoints.Pickles;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.Pickles;

public sealed class PickleFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("weights.ckpt");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_come_back_bit_by_bit_with_their_types()
    {
        using var scope = NewDisposeScope();
        (string, Tensor)[] tensors =
        [
            ("single", rand(2, 3, 4)), ("double", rand(5, dtype: float64)), ("half", rand(7).to(float16)), ("brain", rand(3, 1).to(bfloat16)), ("whole", TensorArithmetic.Indices(4)),
            ("bool", tensor([true, false])), ("scalar", tensor(1.5f)), ("empty", empty(0, 3)),
        ];
        using TensorFile file = Open(TorchArchive.OfTensors(tensors));

        Assert.IsType<PickleFile>(file);
        Assert.Equal(tensors.Select(item => item.Item1), file.Entries.Select(entry => entry.Name));
        Assert.All(tensors, item =>
        {
            Assert.Equal((item.Item2.dtype, item.Item2.numel()), (file[item.Item1].Type, file[item.Item1].Count));
            Assert.True(file.Read(item.Item1).Equals(item.Item2), item.Item1);
        });
        Assert.True(file.Read("half", ScalarType.Float32).Equals(tensors[2].Item2.to(float32)));
    }

    [Fact]
    public void A_part_of_a_storage_and_a_transposed_one_are_read()
    {
        using var scope = NewDisposeScope();
        Tensor all = TensorArithmetic.Indices(24, type: float32);
        byte[] bytes = all.bytes.ToArray();
        using TensorFile file = Open(new TorchArchive().Dictionary(archive => archive
            .Text("part").Tensor(bytes, "FloatStorage", 24, 6, [2, 3], [3, 1])
            .Text("turned").Tensor(bytes, "FloatStorage", 24, 0, [4, 6], [1, 4])).ToBytes());

        Assert.True(file.Read("part").Equals(all.narrow(0, 6, 6).view(2, 3)));
        Assert.True(file.Read("turned").Equals(all.view(6, 4).t()));
    }

    [Fact]
    public void A_training_checkpoint_gives_its_state_dict_and_tells_the_rest()
    {
        using var scope = NewDisposeScope();
        using TensorFile file = Open(new TorchArchive().Dictionary(archive => archive
            .Text("global_step").Number(470000)
            .Text("name").Text("v1")
            .Text("optimizer").Dictionary(inner => inner.Text("momentum").Tensor(ones(3)))
            .Text("callbacks").Raw((byte)']', 0x94)
            .Text("state_dict").Dictionary(inner => inner.Text("weight").Tensor(ones(2)))).ToBytes());

        Assert.Equal("weight", Assert.Single(file.Entries).Name);
        Assert.Equal("470000", file.Metadata["global_step"]);
        Assert.Equal("v1", file.Metadata["name"]);
    }

    [Fact]
    public void Dictionaries_within_dictionaries_are_joined_by_dots()
    {
        using var scope = NewDisposeScope();
        using TensorFile file = Open(new TorchArchive().Dictionary(archive => archive.Text("string_to_param").Dictionary(inner => inner.Text("*").Tensor(ones(2)))).ToBytes());

        Assert.Equal("string_to_param.*", Assert.Single(file.Entries).Name);
    }

    [Fact]
    public void A_real_file_of_torch_is_read()
    {
        using var scope = NewDisposeScope();
        using var file = PickleFile.Open(SharedData.Require("data/weights/taef2/taef2_decoder.pth"));

        Assert.Equal(79, file.Entries.Count);
        Assert.All(file.Entries, entry => Assert.Equal(ScalarType.Float16, entry.Type));
        Assert.All(file.Entries, entry => Assert.True(file.Read(entry.Name, ScalarType.Float32).isfinite().all().item<bool>()));
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("numpy.core.multiarray", "_reconstruct")]
    [InlineData("torch", "load")]
    public void Any_other_global_is_refused_by_name(string module, string name)
    {
        var archive = new TorchArchive();
        byte[] bytes = archive.Global(module, name).Raw((byte)'(').Text("touch /tmp/harm").Raw((byte)'t', (byte)'R').ToBytes();

        Refused(bytes, $"asks for '{module}.{name}', which is neither a tensor nor a plain value");
        Refused(new TorchArchive().Text(module).Text(name).Raw(0x93).ToBytes(), $"asks for '{module}.{name}'");
    }

    [Fact]
    public void What_is_no_archive_of_weights_is_refused_in_words()
    {
        using var scope = NewDisposeScope();
        Refused([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20], "the form of PyTorch before 1.6, without an archive, is not read");
        Refused(new TorchArchive().Dictionary(archive => archive.Text("a").Tensor(ones(100))).ToBytes(CompressionLevel.Optimal), "is compressed or encrypted");
        Refused(new TorchArchive().Dictionary(archive => archive.Text("a").Tensor(ones(1))).ToBytes(byteOrder: "big"), "its byte order is not little");
        Refused(new TorchArchive().Number(1).ToBytes(), "something other than a dictionary of tensors");
        Refused(new TorchArchive().Raw((byte)'i').ToBytes(), "byte 2 is 0x69, which is no instruction that weights need");
        Refused(new TorchArchive().Raw(0x8a, 9).Raw(new byte[9]).ToBytes(), "more than 64 bits");
        byte[] whole = TorchArchive.OfTensors([("a", ones(2))]);
        Refused(whole[..^8], "the file is truncated");
    }

    [Theory]
    [InlineData(2, 0, new long[] { 3 }, new long[] { 1 }, "is not within its storage of 2 elements")]
    [InlineData(2, 1, new long[] { 2 }, new long[] { 1 }, "is not within its storage")]
    [InlineData(2, 0, new long[] { 1_000_000_000_000 }, new long[] { 0 }, "is not within its storage")]
    [InlineData(2, 0, new long[] { 0, 1L << 62, 1L << 62 }, new long[] { 1, 1, 1 }, "is not within its storage")]
    [InlineData(2, 0, new long[] { 2 }, new long[] { long.MaxValue }, "is not within its storage")]
    [InlineData(2, 0, new long[] { -1 }, new long[] { 1 }, "is not made of a storage")]
    [InlineData(2, -1, new long[] { 1 }, new long[] { 1 }, "is not made of a storage")]
    [InlineData(2, 0, new long[] { 1, 1 }, new long[] { 1 }, "is not made of a storage")]
    [InlineData(3, 0, new long[] { 1 }, new long[] { 1 }, "claims 3 elements of Float32, but has 8 bytes")]
    [InlineData(long.MaxValue, 0, new long[] { 1 }, new long[] { 1 }, "but has 8 bytes")]
    public void A_tensor_beyond_its_memory_is_refused(long count, long first, long[] shape, long[] strides, string reason) =>
        Refused(new TorchArchive().Dictionary(archive => archive.Text("a").Tensor(new byte[8], "FloatStorage", count, first, shape, strides)).ToBytes(), reason);

    [Fact]
    public void No_tensor_outlives_reading()
    {
        using var scope = NewDisposeScope();
        File.WriteAllBytes(Target, TorchArchive.OfTensors([("a", rand(2, 3)), ("b", rand(4).to(float16))]));
        Living.StaysConstant(() =>
        {
            using TensorFile file = TensorFile.Open(Target);
            file.Read("a").Dispose();
            file.Read("b", ScalarType.Float32).Dispose();
        });
    }

    private TensorFile Open(byte[] bytes)
    {
        File.WriteAllBytes(Target, bytes);
        return TensorFile.Open(Target);
    }

    private void Refused(byte[] bytes, string reason)
    {
        File.WriteAllBytes(Target, bytes);
        string message = Assert.Throws<InvalidDataException>(() => TensorFile.Open(Target)).Message;
        Assert.StartsWith($"'{Target}' ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }
}

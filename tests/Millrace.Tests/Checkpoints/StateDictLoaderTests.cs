using Millrace.Checkpoints;
using Millrace.Models.Layers;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

public sealed class StateDictLoaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("weights.safetensors");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_weight_that_is_no_number_is_named_with_its_file(float value)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("weight", tensor([1, 2, value, 4, 5, 6]).view(2, 3)), KeyValuePair.Create("bias", zeros(2))]);

        string message = Assert.Throws<InvalidDataException>(() => Load(ScalarType.Float32)).Message;
        Assert.Equal($"'{Target}': tensor 'weight' holds NaN or infinity in Float32: its weights are broken.", message);
    }

    [Fact]
    public void A_weight_beyond_the_precision_in_memory_is_named()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("weight", TensorArithmetic.Filled(1e6, null, 2, 3)), KeyValuePair.Create("bias", zeros(2))]);

        Load(ScalarType.Float32);
        Load(ScalarType.BFloat16);
        Assert.Contains("tensor 'weight' holds NaN or infinity in Float16", Assert.Throws<InvalidDataException>(() => Load(ScalarType.Float16)).Message);
    }

    [Fact]
    public void No_tensor_outlives_loading()
    {
        using var scope = NewDisposeScope();
        File.WriteAllBytes(Target, TorchArchive.OfTensors([("weight", rand(2, 3).to(float16)), ("bias", zeros(2))]));
        Living.StaysConstant(() => Load(ScalarType.Float32));
    }

    private void Load(ScalarType precision)
    {
        using var network = new Linear(3, 2, options: new TensorOptions(precision, CPU));
        using var file = TensorFile.Open(Target);
        StateDictLoader.Load(network, [file]);
    }
}

using Millrace.Checkpoints;
using Millrace.Checkpoints.SingleFiles;
using Millrace.Tests.Cli;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.SingleFiles;

/// <summary>What becomes of values on the way from a single file to a folder.</summary>
public sealed class RearrangementTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Queries_keys_and_values_are_cut_from_one_in_this_order()
    {
        using var scope = NewDisposeScope();
        Tensor fused = rand(9, 3), bias = rand(9);
        using TensorFile folder = ToFolder(new NameMap().Split("qkv", "to_q", "to_k", "to_v"), ("x.qkv.weight", fused), ("x.qkv.bias", bias));

        Assert.True(folder.Read("to_q.weight").Equals(fused.narrow(0, 0, 3)));
        Assert.True(folder.Read("to_k.weight").Equals(fused.narrow(0, 3, 3)));
        Assert.True(folder.Read("to_v.bias", ScalarType.Float64).Equals(bias.narrow(0, 6, 3).to(float64)));
    }

    [Fact]
    public void The_single_block_of_Flux_is_cut_in_the_proportions_of_its_parts()
    {
        using var scope = NewDisposeScope();
        Tensor fused = rand(14, 2);
        var names = new NameSet("x", new Dictionary<string, IReadOnlyList<long>> { ["double_blocks.0.x"] = [1], ["single_blocks.0.linear1.weight"] = [14, 2] });
        using TensorFile folder = ToFolder(FluxNames.OfSingle(names), ("x.single_blocks.0.linear1.weight", fused));

        Assert.True(folder.Read("single_transformer_blocks.0.attn.to_v.weight").Equals(fused.narrow(0, 4, 2)));
        Assert.True(folder.Read("single_transformer_blocks.0.proj_mlp.weight").Equals(fused.narrow(0, 6, 8)));
    }

    [Fact]
    public void Shift_and_scale_change_places_and_projections_are_turned()
    {
        using var scope = NewDisposeScope();
        Tensor modulation = rand(6, 2), projection = rand(3, 4), point = rand(3, 3, 1, 1);
        NameMap map = new NameMap().Add("adaLN", "linear", Rearrangement.SwappedHalves).Add("text_projection", "text_projection.weight", Rearrangement.Transposed).Add("q", "to_q", Rearrangement.PointConvolution);
        using TensorFile folder = ToFolder(map, ("x.adaLN.weight", modulation), ("x.text_projection", projection), ("x.q.weight", point), ("x.q.bias", rand(3)));

        Assert.True(folder.Read("linear.weight").Equals(cat([modulation.narrow(0, 3, 3), modulation.narrow(0, 0, 3)])));
        Assert.True(folder.Read("text_projection.weight").Equals(projection.t()));
        Assert.True(folder.Read("to_q.weight").Equals(point.view(3, 3)));
        Assert.Equal([3], folder["to_q.bias"].Shape);
    }

    [Fact]
    public void What_cannot_be_cut_or_joined_is_refused()
    {
        using var scope = NewDisposeScope();
        NameMap map = new NameMap().Split("qkv", "to_q", "to_k", "to_v").Add("adaLN", "linear", Rearrangement.SwappedHalves);

        Assert.Contains("tensor 'x.qkv.weight' of shape [8, 3] must have a number of rows divisible by 3", Assert.Throws<InvalidDataException>(() => ToFolder(map, ("x.qkv.weight", rand(8, 3)))).Message);
        Assert.Contains("tensor 'x.adaLN.weight' of shape [5] must have an even number of rows", Assert.Throws<InvalidDataException>(() => ToFolder(map, ("x.adaLN.weight", rand(5)))).Message);
        Assert.Contains("tensor 'to_v.weight' is missing", Assert.Throws<InvalidDataException>(() => ToSingle(map, ("to_q.weight", rand(2)), ("to_k.weight", rand(2)))).Message);
        Assert.Contains("tensor 'other' has no name in a single file", Assert.Throws<InvalidDataException>(() => ToSingle(map, ("other", rand(2)))).Message);
        Assert.Contains("must have rows like 'to_q.weight'", Assert.Throws<InvalidDataException>(() => ToSingle(map, ("to_q.weight", rand(2, 2)), ("to_k.weight", rand(2, 2)), ("to_v.weight", rand(2, 3)))).Message);
    }

    private MappedFile ToFolder(NameMap map, params (string Name, Tensor Tensor)[] tensors) => new("folder", NameMapping.ToFolder(map, Written(tensors), "x.", []));

    private MappedFile ToSingle(NameMap map, params (string Name, Tensor Tensor)[] tensors)
    {
        SafetensorsFile file = Written(tensors);
        return new("single", NameMapping.ToSingle(map, file.Entries.ToDictionary(entry => entry.Name, entry => ((TensorFile)file, (TensorEntry)entry)), "x."));
    }

    private SafetensorsFile Written((string Name, Tensor Tensor)[] tensors)
    {
        string path = _folder.File("tensors.safetensors");
        SafetensorsWriter.Write(path, tensors.Select(item => KeyValuePair.Create(item.Name, item.Tensor)));
        return SafetensorsFile.Open(path);
    }
}

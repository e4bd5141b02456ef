using Millrace.Checkpoints;
using Millrace.Compression.Accounts;
using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Models;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Compression;

/// <summary>Masks, and networks from which what they name is gone.</summary>
public sealed class PruningTests
{
    public static TheoryData<string> Networks => ["text", "classes", "dit", "pixart"];

    [Theory]
    [MemberData(nameof(Networks))]
    public void A_mask_of_ones_changes_no_bit_and_leaves_nothing_in_the_network(string kind)
    {
        using var scope = NewDisposeScope();
        using Module module = Build(kind);
        var network = (IConditionalNetwork)module;
        (Tensor x, Tensor t, Conditioning conditioning) = Input(kind);
        var segments = BackboneSegments.Of(module);
        var open = new Gates
        {
            Layers = segments.Layers.ToDictionary(layer => layer.Name, _ => ones(Array.Empty<long>())),
            Units = segments.Branches.ToDictionary(branch => branch.Name, branch => ones(branch.Units)),
        };

        Tensor plain = network.Predict(x, t, conditioning);
        Assert.True(plain.Equals(new MaskedNetwork(network, open).Predict(x, t, conditioning)));
        var closed = new Gates
        {
            Layers = open.Layers.ToDictionary(layer => layer.Key, _ => zeros(Array.Empty<long>())),
            Units = segments.Branches.ToDictionary(branch => branch.Name, branch => zeros(branch.Units)),
        };
        Assert.False(plain.Equals(new MaskedNetwork(network, closed).Predict(x, t, conditioning)));
        Assert.True(plain.Equals(network.Predict(x, t, conditioning)));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void A_hard_mask_and_the_network_without_what_it_names_agree(string kind)
    {
        using var scope = NewDisposeScope();
        using Module module = Build(kind);
        (Tensor x, Tensor t, Conditioning conditioning) = Input(kind);
        var segments = BackboneSegments.Of(module);
        SegmentLayer[] layers = [.. segments.Removable.Where((_, index) => index % 3 == 1)];
        var random = new Random(3);

        // Some layers keep half of their units, one keeps none.
        string emptied = segments.Branches.First(branch => !layers.Any(layer => branch.Name.StartsWith(layer.Name, StringComparison.Ordinal))).Name;
        Dictionary<string, IReadOnlyList<int>> kept = segments.Branches.ToDictionary(
            branch => branch.Name,
            IReadOnlyList<int> (branch) => branch.Name == emptied ? [] : [.. Enumerable.Range(0, branch.Units).OrderBy(_ => random.Next()).Take(Math.Max(1, branch.Units / 2))]);
        var mask = HardMask.Of(segments, layers.Select(layer => layer.Name), kept, mayEmpty: true);

        using Module smaller = Remove(module, mask);
        Tensor masked = new MaskedNetwork((IConditionalNetwork)module, mask.ToGates(segments)).Predict(x, t, conditioning);
        Tensor pruned = ((IConditionalNetwork)smaller).Predict(x, t, conditioning);
        Assert.True(Golden.RelativeError(masked, pruned) < 1e-5);
        Assert.False(((IConditionalNetwork)module).Predict(x, t, conditioning).Equals(pruned));

        // Each unit that went took its own parameters, each layer all of its own.
        long gone = layers.Sum(layer => layer.Parameters) + mask.KeptUnits.Sum(entry => (segments.Branch(entry.Key).Units - entry.Value.Count) * segments.Branch(entry.Key).ParametersPerUnit);
        Assert.Equal(segments.TotalParameters - gone, BackboneSegments.Of(smaller).TotalParameters);
        Assert.DoesNotContain(BackboneSegments.Of(smaller).Layers, layer => mask.RemovedLayers.Contains(layer.Name));
    }

    [Fact]
    public void A_layer_that_changes_the_shape_keeps_its_shortcut_or_is_refused()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(3);
        var segments = BackboneSegments.Of(network);

        Assert.Contains("changes the shape", Assert.Throws<ArgumentException>(() => HardMask.Of(segments, ["up_blocks.0.resnets.1"])).Message, StringComparison.Ordinal);
        var mask = HardMask.Of(segments, ["up_blocks.0.resnets.1", "mid_block.attentions.0"], keepShortcuts: true);
        using UNet2DModel smaller = Removal.Apply(network, mask);
        Assert.True(Golden.RelativeError(new MaskedNetwork(network, mask.ToGates(segments)).Predict(x, t, conditioning), smaller.Predict(x, t, conditioning)) < 1e-5);
        Assert.Contains("up_blocks.0.resnets.1.conv_shortcut.weight", smaller.state_dict().Keys);
    }

    [Fact]
    public void Nothing_removed_is_the_same_network()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(4);
        using DiTTransformer2DModel same = Removal.Apply(network, HardMask.Of(BackboneSegments.Of(network), []));
        Assert.True(network.Predict(x, t, conditioning).Equals(same.Predict(x, t, conditioning)));
    }

    [Fact]
    public void Removing_in_two_steps_is_removing_at_once()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(4);
        HardMask Mask(Module of, string[] layers, int[] heads) =>
            HardMask.Of(BackboneSegments.Of(of), layers, new Dictionary<string, IReadOnlyList<int>> { ["transformer_blocks.0.attn1"] = heads });
        using DiTTransformer2DModel first = Removal.Apply(network, Mask(network, ["transformer_blocks.1"], [0, 2, 3])), second = Removal.Apply(first, Mask(first, ["transformer_blocks.2"], [0, 2]));
        using DiTTransformer2DModel atOnce = Removal.Apply(network, Mask(network, ["transformer_blocks.1", "transformer_blocks.2"], [0, 3]));
        Assert.True(atOnce.Predict(x, t, conditioning).Equals(second.Predict(x, t, conditioning)));
    }

    [Fact]
    public void A_smaller_model_saves_and_loads_with_what_its_configuration_cannot_say()
    {
        using var folder = new TemporaryFolder();
        using StableDiffusionParts parts = TinyModel.Create();
        var segments = BackboneSegments.Of(parts.UNet);
        var mask = HardMask.Of(
            segments, ["down_blocks.0.attentions.0", "mid_block.resnets.1"],
            new Dictionary<string, IReadOnlyList<int>> { ["up_blocks.1.attentions.0.transformer_blocks.0.attn1"] = [1], ["up_blocks.1.attentions.1.transformer_blocks.0.ff"] = [] }, mayEmpty: true);
        using UNet2DConditionModel smaller = Removal.Apply(parts.UNet, mask);
        var prunedParts = new StableDiffusionParts(smaller, parts.Autoencoder, parts.TextModel, parts.Tokenizer, parts.Process, parts.Prediction);
        DiffusersFolder.Save(folder.Path, prunedParts);

        using DiffusionModel loaded = DiffusersFolder.Load(folder.Path);
        using Tensor expected = TinyModel.Answer(prunedParts.ToModel("pruned")), found = TinyModel.Answer(loaded);
        Assert.True(Golden.RelativeError(expected, found) < 1e-6);

        // A whole network saved over it leaves no trace of the changes.
        DiffusersFolder.Save(folder.Path, parts);
        Assert.False(File.Exists(folder.File("unet/structure.json")));
        using DiffusionModel whole = DiffusersFolder.Load(folder.Path);
    }

    [Theory]
    [InlineData("{\"removed\": [\"down_blocks.7.resnets.0\"]}", "has no residual layer 'down_blocks.7.resnets.0'")]
    [InlineData("{\"removed\": [\"conv_in\"]}", "has no residual layer 'conv_in'")]
    [InlineData("{\"kept\": {\"mid_block.attentions.0.transformer_blocks.0.attn1\": 3}}", "must keep from 0 to 2 units, got 3")]
    [InlineData("{\"removed\": 5}", "structure.json")]
    public void A_structure_that_is_not_of_the_network_is_refused(string json, string message)
    {
        using var folder = new TemporaryFolder();
        TinyModel.Save(folder.Path);
        File.WriteAllText(folder.File("unet/structure.json"), json);
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => DiffusersFolder.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Masks_that_do_not_fit_are_refused_in_a_sentence()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        var segments = BackboneSegments.Of(network);
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(4);
        void Refused(string said, Action call) => Assert.Contains(said, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);
        HardMask Keep(params int[] units) => HardMask.Of(segments, [], new Dictionary<string, IReadOnlyList<int>> { ["transformer_blocks.0.attn1"] = units });

        Refused("The mask empties 'transformer_blocks.0.attn1', all 4 units of it", () => Keep());
        Refused("has the units 0 to 3", () => Keep(1, 4));
        Refused("has the units 0 to 3", () => Keep(1, 1));
        Refused("no residual layer 'proj_out_2'", () => HardMask.Of(segments, ["proj_out_2"]));
        Refused("must be [4], got [3]", () => _ = new MaskedNetwork(network, new Gates { Units = new Dictionary<string, Tensor> { ["transformer_blocks.0.attn1"] = ones(3) } }));
        using var other = new SD3Transformer2DModel(new StableDiffusion3Options { NumLayers = 1, NumAttentionHeads = 2, AttentionHeadDim = 8, JointAttentionDim = 6, PooledProjectionDim = 5, PosEmbedMaxSize = 6 });
        Refused("can be masked only", () => Removal.Apply(other, HardMask.Of(BackboneSegments.Of(other), [])));
    }

    [Fact]
    public void Operations_counted_while_running_are_those_counted_along_the_shape()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = CompressionNetworks.TextUNet();
        (Tensor x, Tensor t, Conditioning text) = CompressionNetworks.Input(4);
        var along = Benchmarks.OperationCount.Of(network.Options, 8, 8, 5);
        var counted = OperationAccount.Of(network, x, t, text);

        Assert.Equal(along.Attention, counted.Attention, 1e-9 * along.Total);

        // Along the shape the projections around attention are matrices, here they are convolutions; and the timestep's two layers are left out.
        Assert.Equal(along.Total + (2e-9 * ((8 * 32) + (32 * 32))), counted.Total, 1e-9 * along.Total);

        using UNet2DConditionModel smaller = Removal.Apply(network, HardMask.Of(BackboneSegments.Of(network), ["down_blocks.0.attentions.0"]));
        Assert.True(OperationAccount.Of(smaller, x, t, text).Attention < counted.Attention);
    }

    [Fact]
    public void Every_layer_of_a_U_Net_has_a_time()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(3);
        IReadOnlyDictionary<string, double> times = LayerTimes.Of(network, x, t, conditioning, repeats: 2);
        Assert.Equal(BackboneSegments.Of(network).Layers.Select(layer => layer.Name), times.Keys);
        Assert.All(times.Values, time => Assert.True(time > 0));
        Assert.All(NetworkAccount.Milliseconds([network, network], x, t, conditioning, repeats: 2), time => Assert.True(time > 0));
    }

    [Fact]
    public void Masks_and_removal_leave_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(4);
        var segments = BackboneSegments.Of(network);
        var mask = HardMask.Of(segments, ["transformer_blocks.1"], new Dictionary<string, IReadOnlyList<int>> { ["transformer_blocks.0.ff"] = [0, 5] });
        Living.StaysConstant(() =>
        {
            using var call = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            using DiTTransformer2DModel smaller = Removal.Apply(network, mask);
            _ = smaller.Predict(x, t, conditioning);
            _ = new MaskedNetwork(network, mask.ToGates(segments)).Predict(x, t, conditioning);
        }, repeats: 5);
    }

    private static Module Build(string kind) => kind switch
    {
        "text" => CompressionNetworks.TextUNet(),
        "classes" => CompressionNetworks.ClassUNet(),
        "dit" => CompressionNetworks.DiT(),
        _ => CompressionNetworks.PixArt(),
    };

    private static (Tensor X, Tensor T, Conditioning Conditioning) Input(string kind) => CompressionNetworks.Input(kind == "classes" ? 3 : 4, kind == "pixart" ? 6 : 16);

    private static Module Remove(Module network, HardMask mask) => network switch
    {
        UNet2DConditionModel unet => Removal.Apply(unet, mask),
        UNet2DModel unet => Removal.Apply(unet, mask),
        DiTTransformer2DModel transformer => Removal.Apply(transformer, mask),
        _ => Removal.Apply((PixArtTransformer2DModel)network, mask),
    };
}

using Millrace.Compression.Accounts;
using Millrace.Compression.LayerPruning;
using Millrace.Compression.Pruning;
using Millrace.Compression.Recovery;
using Millrace.Compression.Redundancy;
using Millrace.Compression.Segments;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Compression;

/// <summary>A-SDM: which layers are redundant, removal in rounds, experts of removed kernels, attention of windows and pooled tokens, meaning.</summary>
public sealed class RedundancyTests
{
    private const double Closed = -200, Open = 200; // logits whose sigmoid is 0 and 1 in float32

    private static readonly VariancePreservingProcess Process = new(BetaSchedule.Linear, 0.0001, 0.02, 100);

    [Theory]
    [InlineData(8, 4, Closed)] // one window is the whole grid
    [InlineData(4, 1, Open)] // pools of one token
    public void At_its_limits_attention_of_windows_and_pools_is_whole_attention(int window, int pooling, double gate)
    {
        using var scope = NewDisposeScope();
        Tensor[] parts = Heads(8, 8);
        Tensor whole = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]), found = Mixed(window, pooling, gate).Forward(parts[0], parts[1], parts[2], 8, 8);
        Assert.True(Golden.RelativeError(whole, found) < 1e-5);
    }

    [Fact]
    public void Half_and_half_is_the_mean_of_its_parts()
    {
        using var scope = NewDisposeScope();
        Tensor[] parts = Heads(8, 4);
        Tensor Of(double gate) => Mixed(4, 2, gate).Forward(parts[0], parts[1], parts[2], 8, 4);
        Tensor OfOne(RegionalAttentionMode mode) => Mixed(4, 2, 0, mode).Forward(parts[0], parts[1], parts[2], 8, 4);
        Assert.True(Golden.RelativeError(Of(Open).Plus(Of(Closed)).Times(0.5), Of(0)) < 1e-6);
        Assert.True(Of(Open).Equals(OfOne(RegionalAttentionMode.Pooled)));
        Assert.True(Of(Closed).Equals(OfOne(RegionalAttentionMode.Windows)));
    }

    [Fact]
    public void A_token_reaches_its_window_alone()
    {
        using var scope = NewDisposeScope();
        Tensor[] parts = Heads(8, 8);
        GlobalRegionalAttention attention = Mixed(4, 2, Closed);
        Tensor before = attention.Forward(parts[0], parts[1], parts[2], 8, 8);
        Tensor moved = parts[1].clone();
        moved.select(2, (5 * 8) + 2).Shift(1); // row 5, column 2: the window below at the left
        Tensor changed = attention.Forward(parts[0], moved, parts[2], 8, 8).Minus(before).abs().amax([0, 1, 3]).view(8, 8);
        Assert.True(changed.narrow(0, 4, 4).narrow(1, 0, 4).min().item<float>() > 0);
        Assert.Equal(0, changed.narrow(0, 0, 4).max().item<float>());
        Assert.Equal(0, changed.narrow(1, 4, 4).max().item<float>());
    }

    [Fact]
    public void Operations_along_the_formula_are_those_that_are_counted()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(3);
        const string name = "down_blocks.0.attentions.0";
        using UNet2DModel regional = Restructuring.WithRegions(network, [name], new RegionalAttentionOptions { Window = 4, Pooling = 2 });
        double whole = OperationAccount.Of(network, x, t, conditioning).Attention, found = OperationAccount.Of(regional, x, t, conditioning).Attention;
        const double tokens = 64, width = 8;
        Assert.Equal(4 * width * ((tokens * tokens) - ((tokens * 16) + (tokens * tokens / 4))), (whole - found) * 1e9, 1e-3);
    }

    [Fact]
    public void A_mixed_convolution_is_the_own_one_where_that_counts_alone_and_a_loop_over_rows_everywhere()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(1);
        Convolution2d own = new Convolution2d(3, 5, kernelSize: 3, padding: 1).Initialize(generator);
        var mixed = new MultiExpertConvolution2d(own, 2, TensorOptions.Default);
        Tensor x = randn([4, 3, 6, 6], generator: generator);
        using (no_grad())
        {
            mixed.Weight.copy_(own.Weight);
            mixed.state_dict()["bias"].copy_(own.Bias!);
            mixed.Experts.copy_(randn(mixed.Experts.shape, generator: generator));
            mixed.Routing.Weight.Fill(0);
            mixed.Routing.Bias!.copy_(tensor([(float)Open, (float)Closed, (float)Closed]));
        }

        Assert.True(Golden.RelativeError(own.call(x), mixed.call(x)) < 1e-6);
        using (no_grad())
        {
            mixed.Routing.Weight.copy_(randn(mixed.Routing.Weight.shape, generator: generator));
            mixed.Routing.Bias!.copy_(randn(3, generator: generator));
        }

        // The referee: a convolution for each row with the kernel that its routing mixes.
        Tensor byRow = cat([.. Enumerable.Range(0, 4).Select(row =>
        {
            Tensor one = x.narrow(0, row, 1), shares = sigmoid(mixed.Routing.call(one.mean([2, 3]))).view(3, 1, 1, 1, 1);
            return functional.conv2d(one, (shares * cat([mixed.Weight.unsqueeze(0), mixed.Experts], 0)).sum([0]), own.Bias, padding: [1, 1]);
        })], 0);
        Assert.True(Golden.RelativeError(byRow, mixed.call(x)) < 1e-5);

        using (no_grad())
        {
            mixed.Experts.Fill(0);
            mixed.Routing.Weight.Fill(0);
        }

        double share = 1 / (1 + Math.Exp(-mixed.Routing.Bias![0].item<float>()));
        Tensor bias = own.Bias!.view(1, -1, 1, 1);
        Assert.True(Golden.RelativeError(own.call(x).Minus(bias).Times(share).Plus(bias), mixed.call(x)) < 1e-5);
        mixed.call(x).sum().backward();
        Assert.True(mixed.Routing.Bias!.grad!.abs().max().item<float>() > 0);
        Assert.Throws<ArgumentOutOfRangeException>("experts", () => new MultiExpertConvolution2d(own, 0, TensorOptions.Default));
    }

    [Fact]
    public void Kernels_of_removed_blocks_become_experts_of_those_beside_them_and_survive_a_file()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(3);
        using UNet2DModel left = Removal.Apply(network, HardMask.Of(BackboneSegments.Of(network), ["down_blocks.0.resnets.1", "mid_block.attentions.0"]));
        using UNet2DModel mixed = Restructuring.WithInheritedExperts(left, network);
        Assert.Equal(["down_blocks.0.resnets.0.conv1", "down_blocks.0.resnets.0.conv2"], mixed.Options.Changes.Experts.Keys);
        Assert.True(network.state_dict()["down_blocks.0.resnets.1.conv2.weight"].Equals(mixed.state_dict()["down_blocks.0.resnets.0.conv2.experts"][0]));
        Assert.True(Golden.RelativeError(left.Predict(x, t, conditioning), mixed.Predict(x, t, conditioning)) < 0.05);

        using UNet2DModel regional = Restructuring.WithRegions(mixed, ["down_blocks.0.attentions.0"], new RegionalAttentionOptions { Window = 4, Pooling = 2, Mode = RegionalAttentionMode.Windows });
        string config = folder.File("config.json");
        UNet2DConfig.Write(config, regional.Options);
        using var read = new UNet2DModel(UNet2DConfig.Read(config));
        using (no_grad())
        {
            foreach ((string name, Tensor weight) in regional.state_dict())
            {
                read.state_dict()[name].copy_(weight);
            }
        }

        Assert.Equal(regional.state_dict().Keys, read.state_dict().Keys);
        Assert.True(regional.Predict(x, t, conditioning).Equals(read.Predict(x, t, conditioning)));
    }

    [Fact]
    public void Attention_beside_a_text_can_be_of_windows_too_but_not_that_to_the_text()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = CompressionNetworks.TextUNet();
        (Tensor x, Tensor t, Conditioning text) = CompressionNetworks.Input(4);
        const string block = "down_blocks.0.attentions.0.transformer_blocks.0";
        using UNet2DConditionModel regional = Restructuring.WithRegions(network, [$"{block}.attn1"], new RegionalAttentionOptions { Window = 8, Pooling = 4, Mode = RegionalAttentionMode.Windows });
        Assert.True(Golden.RelativeError(network.Predict(x, t, text), regional.Predict(x, t, text)) < 1e-5);
        Refused("has no grid of keys", () => Restructuring.WithRegions(network, [$"{block}.attn2"], new RegionalAttentionOptions()));
        using UNet2DConditionModel misfit = Restructuring.WithRegions(network, [$"{block}.attn1"], new RegionalAttentionOptions { Window = 3 });
        Refused("A grid of 8 x 8 tokens does not divide into windows of 3", () => misfit.Predict(x, t, text));
    }

    [Fact]
    public void Meaning_costs_nothing_where_both_see_the_same_and_does_not_ask_for_the_length()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(3);
        Tensor teacher = randn([4, 6], generator: generator), weights = rand(4, generator: generator), student = teacher.clone().requires_grad_();
        Tensor same = SemanticDistance.Of(student, teacher, weights);
        same.backward();
        Assert.Equal(0, same.item<float>(), 1e-6);
        Assert.True(student.grad!.abs().max().item<float>() < 1e-6);
        Tensor other = randn([4, 6], generator: generator);
        Assert.True(Golden.RelativeError(SemanticDistance.Of(other, teacher, weights), SemanticDistance.Of(other.Times(7), teacher.Times(0.2), weights)) < 1e-5);
        Assert.True(SemanticDistance.Of(other, teacher, weights).item<float>() > 0.1);
    }

    [Fact]
    public void The_clean_sample_is_exact_for_the_true_noise()
    {
        using var scope = NewDisposeScope();
        Tensor sample = randn([3, 2, 4, 4], generator: new Generator(1)), noise = randn([3, 2, 4, 4], generator: new Generator(2));
        (Tensor a, Tensor b) = Process.Coefficients(tensor([0f, 40f, 90f]));
        Tensor x = (a * sample).Plus(b * noise);
        Assert.True(Golden.RelativeError(sample, PredictionConversion.ToSample(PredictionType.Epsilon, noise, x, a, b)) < 1e-5);
    }

    [Fact]
    public void A_network_for_meaning_is_asked_in_evaluation_mode_only()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        using Module<Tensor, Tensor> meaning = Sequential(Flatten(), nn.Linear(192, 5));
        Tensor Loss(Module<Tensor, Tensor>? of) => new RecoveryObjective<UNet2DModel>(
            network, network, PredictionType.Epsilon, Process, Data, new RecoveryOptions { Task = 0, Output = 0, Features = 0, Semantics = 1 })
        { Meaning = of }.Loss(new TrainingDraw(0, 1));
        Refused("needs a network", () => Loss(null));
        Refused("must be in evaluation mode", () => Loss(meaning));
        meaning.eval();
        Assert.Equal(0, Loss(meaning).item<float>(), 1e-6);
    }

    [Fact]
    public void Layers_are_ranked_by_the_damage_of_a_millisecond()
    {
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        var segments = BackboneSegments.Of(network);
        LayerDamage[] damages = [.. segments.Removable.Take(3).Select((layer, index) => new LayerDamage(layer, 1 + index, []))];
        var times = damages.Select((damage, index) => (damage.Layer.Name, Time: new[] { 1.0, 8, 3 }[index])).ToDictionary(entry => entry.Name, entry => entry.Time);
        IReadOnlyList<LayerRedundancy> ranked = LayerRedundancy.Rank(segments, damages, times);

        Assert.Equal(new[] { damages[1], damages[0], damages[2] }, ranked.Select(layer => layer.Damage));
        Assert.Equal(1, ranked.Sum(layer => layer.TimeShare), 1e-12);
        Assert.Equal([damages[1].Layer.Name], LayerRedundancy.Until(ranked, 0.5));
        Assert.Equal(2, LayerRedundancy.Until(ranked, 0.7).Count);
        Refused("at most 1", () => LayerRedundancy.Until(ranked, 1));
        Refused($"'{damages[0].Layer.Name}' has no time", () => LayerRedundancy.Rank(segments, damages, new Dictionary<string, double>()));
    }

    [Fact]
    public void Removal_in_rounds_trains_what_lost_layers_and_without_rounds_nothing()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        (Tensor x, Tensor t, Conditioning conditioning) = CompressionNetworks.Input(3);
        using UNet2DModel same = ProgressiveRemoval.Run(network, [], (_, _, _) => Assert.Fail("nothing is to be trained"));
        Assert.True(network.Predict(x, t, conditioning).Equals(same.Predict(x, t, conditioning)));

        string[] layers = ["mid_block.resnets.1", "down_blocks.0.attentions.1", "mid_block.attentions.0"];
        var phases = new List<(int Round, int Trainable)>();
        using UNet2DModel left = ProgressiveRemoval.Run(network, ProgressiveRemoval.Rounds(layers, 2), (UNet2DModel of, Module? trained, int round) =>
        {
            phases.Add((round, of.parameters().Count(parameter => parameter.requires_grad)));
            Assert.Equal(trained?.parameters().Count() ?? of.parameters().Count(), phases[^1].Trainable);
            Assert.Equal(round < 2, trained is not null);
        });

        Assert.Equal([0, 1, 2], phases.Select(phase => phase.Round));
        Assert.True(phases[0].Trainable > phases[1].Trainable && phases[2].Trainable > phases[0].Trainable);
        Assert.Equal(layers.Order(StringComparer.Ordinal), left.Options.Changes.Removed.Order(StringComparer.Ordinal));
        Assert.All(left.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    private static void Refused(string said, Action call) => Assert.Contains(said, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);

    private static Tensor[] Heads(int height, int width)
    {
        var generator = new Generator(1);
        return [.. Enumerable.Range(0, 3).Select(_ => randn([2, 2, height * width, 4], generator: generator))];
    }

    private static GlobalRegionalAttention Mixed(int window, int pooling, double gate, RegionalAttentionMode mode = RegionalAttentionMode.Both)
    {
        var attention = new GlobalRegionalAttention(new RegionalAttentionOptions { Window = window, Pooling = pooling, Mode = mode }, heads: 2, TensorOptions.Default);
        using IDisposable noGrad = no_grad();
        attention.Gate.Fill(gate);
        return attention;
    }

    private static CoupledBatch Data(long step, SeededRandom random) => new(
        random.Normal(4, 3, 8, 8), random.Normal(4, 3, 8, 8), new Conditioning(empty([4, 0, 0])) { ClassLabels = random.Integers(4, 4) });
}

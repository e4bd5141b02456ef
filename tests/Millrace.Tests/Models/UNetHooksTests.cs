using Millrace.Models.Adapters;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

/// <summary>What a request may read from, and do to, the features of a U-Net.</summary>
public sealed class UNetHooksTests
{
    private static readonly UNet2DConditionOptions Small = TinyModel.UNet with { LayersPerBlock = 2 };

    [Fact]
    public void Every_feature_has_a_name_once_and_taking_it_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        var names = new List<string>();
        Tensor tapped = network.Predict(x, t, text, new UNetHooks
        {
            Feature = (name, feature) =>
            {
                names.Add(name);
                Assert.False(feature.IsInvalid);
                return feature;
            },
        });

        Assert.Equal(names.Distinct(), names);
        Assert.Equal(
            ["conv_in", "down_blocks.0.resnets.0", "down_blocks.0.attentions.0", "down_blocks.0.resnets.1", "down_blocks.0.attentions.1", "down_blocks.0.downsamplers.0"],
            names.Take(6));
        Assert.Contains("mid_block", names);
        Assert.Equal("up_blocks.1", names[^1]);
        Assert.True(network.Predict(x, t, text).Equals(tapped));
    }

    [Fact]
    public void A_feature_that_is_put_back_gives_the_prediction_it_came_from()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        Tensor? kept = null;
        Tensor first = network.Predict(x, t, text, new UNetHooks { Feature = (name, feature) => name == "up_blocks.1" ? kept = feature.clone().MoveToOuterDisposeScope().MoveToOuterDisposeScope() : feature });
        Tensor second = network.Predict(x.Plus(1), t, text, new UNetHooks { Feature = (name, feature) => name == "up_blocks.1" ? kept!.clone() : feature });

        Assert.True(first.Equals(second));
        Assert.False(first.Equals(network.Predict(x.Plus(1), t, text)));
    }

    [Fact]
    public void Controls_are_summed_and_equal_skips_changed_by_hand()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        UNetContext context = network.Prepare(t, text);
        UNetFeatures features = network.Encode(x, context);
        var generator = new Generator(5);
        var control = new ControlResiduals([.. features.Skips.Select(skip => randn(skip.shape, generator: generator))], randn(features.Middle.shape, generator: generator));

        Tensor whole = network.Predict(x, t, text, new UNetHooks { Controls = [control] });
        Tensor halves = network.Predict(x, t, text, new UNetHooks { Controls = [control.Scaled(0.5), control.Scaled(0.5)] });
        Tensor byHand = network.Decode(new UNetFeatures(features.Middle.Plus(control.Middle), [.. features.Skips.Zip(control.Down, (skip, down) => skip.Plus(down))]), context);
        Tensor bySkips = network.Decode(features with { Middle = features.Middle.Plus(control.Middle) }, context with { Hooks = new UNetHooks { Skip = (index, skip) => skip.Plus(control.Down[index]) } });

        Assert.True(Golden.RelativeError(byHand, whole) < 1e-6);
        Assert.True(Golden.RelativeError(byHand, halves) < 1e-5);
        Assert.True(Golden.RelativeError(byHand, bySkips) < 1e-6);
        Assert.True(Golden.RelativeError(network.Predict(x, t, text), whole) > 1e-3);
    }

    [Fact]
    public void An_adapter_adds_to_the_last_skip_of_each_resolution_before_it_is_halved()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        Tensor[] adapter = [TensorArithmetic.Filled(0.5, null, 2, 8, 8, 8), TensorArithmetic.Filled(-0.25, null, 2, 16, 4, 4)];
        Tensor ours = network.Predict(x, t, text, new UNetHooks { AdapterFeatures = adapter });
        Tensor byHand = network.Predict(x, t, text, new UNetHooks
        {
            Feature = (name, feature) => name switch
            {
                "down_blocks.0.attentions.1" => feature.Plus(adapter[0]),
                "down_blocks.1.resnets.1" => feature.Plus(adapter[1]),
                _ => feature,
            },
        });

        Assert.True(Golden.RelativeError(byHand, ours) < 1e-6);
    }

    [Fact]
    public void Self_attention_can_be_the_identity_in_the_blocks_that_are_named()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        var asked = new List<string>();
        Tensor perturbed = network.Predict(x, t, text, new UNetHooks
        {
            SelfAttentionIsIdentity = name =>
            {
                asked.Add(name);
                return name == "mid_block.attentions.0.transformer_blocks.0";
            },
        });

        Assert.Contains("mid_block.attentions.0.transformer_blocks.0", asked);
        Assert.False(perturbed.Equals(network.Predict(x, t, text)));
        Assert.True(network.Predict(x, t, text).Equals(network.Predict(x, t, text, new UNetHooks { SelfAttentionIsIdentity = _ => false })));
    }

    [Fact]
    public void Perturbed_attention_covers_the_layers_that_are_named_and_refuses_others()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        Tensor ByHand(params string[] layers) =>
            network.Predict(x, t, text, new UNetHooks { SelfAttentionIsIdentity = name => layers.Any(layer => name.Contains(layer, StringComparison.Ordinal)) });

        Assert.True(ByHand("mid_block").Equals(new AttachedUNet(network, new PerturbedAttention(network)).Predict(x, t, text)));
        Assert.True(ByHand("mid_block", "down_blocks.0.attentions.1").Equals(
            new AttachedUNet(network, new PerturbedAttention(network), new PerturbedAttention(network, "down_blocks.0.attentions.1")).Predict(x, t, text)));
        Assert.Contains(
            "got \"down_blocks.1\"; there are down_blocks.0.attentions.0", Assert.Throws<ArgumentException>(() => new PerturbedAttention(network, "down_blocks.1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_with_other_hooks_do_not_disturb_one_another()
    {
        using UNet2DConditionModel network = Network();
        Tensor x = randn([2, 4, 8, 8], generator: new Generator(2)), t = tensor([7f, 307f]), text = randn([2, 5, 16], generator: new Generator(3));
        Tensor Run(double shift)
        {
            using IDisposable _ = no_grad();
            using var scope = NewDisposeScope();
            return network.Predict(x, t, new Conditioning(text), new UNetHooks { Feature = (name, feature) => name == "mid_block" ? feature.Plus(shift) : feature }).MoveToOuterDisposeScope();
        }

        Tensor[] alone = [Run(0), Run(1)];
        Tensor[] together = await Task.WhenAll(Enumerable.Range(0, 20).Select(index => Task.Run(() => Run(index % 2))));
        Assert.All(together.Select((tensor, index) => (tensor, index)), item => Assert.True(item.tensor.Equals(alone[item.index % 2])));
    }

    [Fact]
    public void A_control_for_another_U_Net_is_refused()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = Network();
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        UNetFeatures features = network.Encode(x, network.Prepare(t, text));
        var few = new ControlResiduals([zeros(2, 8, 8, 8)], features.Middle);
        var wide = new ControlResiduals([.. features.Skips.Select(skip => zeros(skip.shape[0], skip.shape[1] * 2, skip.shape[2], skip.shape[3]))], features.Middle);

        Assert.Contains("made for another U-Net", Assert.Throws<ArgumentException>(() => network.Predict(x, t, text, new UNetHooks { Controls = [few] })).Message, StringComparison.Ordinal);
        Assert.Contains("skip 0", Assert.Throws<ArgumentException>(() => network.Predict(x, t, text, new UNetHooks { Controls = [wide] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_control_network_leaves_no_tensor_behind_and_refuses_a_picture_of_another_size()
    {
        using var scope = NewDisposeScope();
        using ControlNetModel control = new ControlNetModel(new ControlNetOptions { UNet = Small, ConditioningWidths = [4, 8] }).Initialize(new Generator(1));
        (Tensor x, Tensor t, Conditioning text) = Inputs();
        Tensor picture = rand(1, 3, 16, 16);
        Living.StaysConstant(() =>
        {
            using var call = NewDisposeScope();
            _ = control.Residuals(x, t, text, control.Hint(picture));
        });

        Assert.Throws<ArgumentException>("hint", () => control.Residuals(x, t, text, control.Hint(rand(1, 3, 24, 24))));
        Assert.Throws<ArgumentException>("picture", () => control.Hint(rand(1, 3, 15, 16)));
    }

    private static UNet2DConditionModel Network() => new UNet2DConditionModel(Small).Initialize(new Generator(1));

    private static (Tensor X, Tensor T, Conditioning Text) Inputs()
    {
        var generator = new Generator(2);
        return (randn([2, 4, 8, 8], generator: generator), tensor([7f, 307f]), new Conditioning(randn([2, 5, 16], generator: generator)));
    }
}

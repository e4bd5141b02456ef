using Millrace.Models;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Models;

/// <summary>Networks whose blocks are computed a second time in the backward pass, against the same networks under plain autograd.</summary>
public sealed class GradientCheckpointingTests
{
    public static TheoryData<string> Names => ["text", "class", .. TransformerTests.Names.Select(name => name.Data)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_are_those_of_plain_autograd(string name)
    {
        using var scope = NewDisposeScope();
        using Module network = Build(name);
        (Tensor X, Tensor T, Conditioning Conditioning) inputs = Inputs(name);
        Tensor[] plain = Gradients(network, inputs);
        Assert.True(network.CheckpointGradients() > 1);
        Tensor[] checkpointed = Gradients(network, inputs);
        double largest = plain.Max(Largest); // some gradients, as those of the keys' biases, are nothing but rounding
        Assert.All(plain.Zip(checkpointed), pair => Assert.True(Largest(pair.First.Minus(pair.Second)) < 1e-6 * largest));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("flux")]
    public void They_are_in_bfloat16_too(string name)
    {
        using var scope = NewDisposeScope();
        using Module network = Build(name);
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs(name);
        (Tensor, Tensor, Conditioning) inputs = (x.to(bfloat16), t, conditioning.Select(part => part.is_floating_point() ? part.to(bfloat16) : part));
        Tensor[] plain = Gradients(network, inputs);
        network.CheckpointGradients();
        double largest = plain.Max(Largest);
        Assert.All(plain.Zip(Gradients(network, inputs)), pair => Assert.True(Largest(pair.First.Minus(pair.Second)) < 0.01 * largest));
    }

    [Fact]
    public void Inputs_have_their_gradients_and_parameters_behind_inputs_without_them()
    {
        using var scope = NewDisposeScope();
        using Module network = Build("text");
        network.CheckpointGradients();
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs("text");
        Tensor text = conditioning.Text.requires_grad_();
        ((IConditionalNetwork)network).Predict(x, t, conditioning with { Text = text }).Squared().mean().backward();
        Assert.True(text.grad!.abs().sum().item<float>() > 0);

        // A block whose inputs ask for nothing still trains.
        using var block = new ResnetBlock2D(8, 8, timeWidth: null, new GroupNormOptions(4, 1e-5), Activation.Silu, TensorOptions.Default);
        block.Initialize(new Generator(1)).CheckpointGradients();
        block.call(randn([1, 8, 4, 4]), null).Squared().mean().backward();
        Assert.All(block.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void No_tensor_stays_behind_and_a_network_without_blocks_is_refused()
    {
        using Module network = Build("text");
        network.CheckpointGradients();
        Living.StaysConstant(
            () =>
            {
                using var scope = NewDisposeScope();
                Gradients(network, Inputs("text"));
            },
            repeats: 5);
        using var layer = new Millrace.Models.Layers.Linear(2, 2);
        Assert.Contains("Linear has no block", Assert.Throws<ArgumentException>(() => layer.CheckpointGradients()).Message, StringComparison.Ordinal);
    }

    private static double Largest(Tensor values) => values.abs().max().item<float>();

    private static Tensor[] Gradients(Module network, (Tensor X, Tensor T, Conditioning Conditioning) inputs)
    {
        network.zero_grad();
        ((IConditionalNetwork)network).Predict(inputs.X, inputs.T, inputs.Conditioning).to(float32).Squared().mean().backward();
        return [.. network.parameters().Where(parameter => parameter.grad is not null).Select(parameter => parameter.grad!.clone())];
    }

    private static Module Build(string name) => name switch
    {
        "text" => new UNet2DConditionModel(new UNet2DConditionOptions
        {
            BlockOutChannels = [8, 16],
            DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention],
            UpBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.Plain],
            LayersPerBlock = 1,
            NumAttentionHeads = [1, 2],
            NormNumGroups = 4,
            CrossAttentionDim = 6,
        }).Initialize(new Generator(1)),
        "class" => new UNet2DModel(new UNet2DOptions
        {
            InChannels = 4,
            OutChannels = 4,
            SampleSize = 8,
            BlockOutChannels = [8, 16],
            DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.SelfAttention],
            UpBlockTypes = [UNetBlockType.SelfAttention, UNetBlockType.Plain],
            LayersPerBlock = 1,
            AttentionHeadDim = 8,
            NormNumGroups = 4,
            ClassEmbedding = UNetClassEmbedding.Table,
            NumClassEmbeds = 11,
        }).Initialize(new Generator(1)),
        _ => TransformerTests.Build(name),
    };

    private static (Tensor X, Tensor T, Conditioning Conditioning) Inputs(string name) => TransformerTests.Inputs(name == "class" ? "dit" : name);
}

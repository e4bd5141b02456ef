using Millrace.Models;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

public sealed class UNet2DConditionModelTests
{
    private static readonly UNet2DConditionOptions Small = new()
    {
        BlockOutChannels = [32, 64],
        DownBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.Plain],
        UpBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention],
        LayersPerBlock = 1,
        NumAttentionHeads = [4, 4],
        CrossAttentionDim = 32,
        NormNumGroups = 8,
    };

    private static readonly UNet2DConditionOptions SmallWithMatrices = Small with
    {
        NumAttentionHeads = [4, 8],
        CrossAttentionDim = 48,
        UseLinearProjection = true,
        UpcastAttention = true,
    };

    public static TheoryData<string, UNet2DConditionOptions> References => new()
    {
        { "unet-sd15", Small },
        { "unet-sd21", SmallWithMatrices },
    };

    [Theory]
    [MemberData(nameof(References), DisableDiscoveryEnumeration = true)]
    public void Agrees_with_the_reference(string name, UNet2DConditionOptions options)
    {
        using var scope = NewDisposeScope();
        (UNet2DConditionModel network, Dictionary<string, Tensor> io) = Load(name, options);
        using (network)
        {
            Tensor actual = network.call(io["sample"], io["timestep"], io["encoder_hidden_states"]);
            Assert.True(Golden.RelativeError(io["out"], actual) < 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(References), DisableDiscoveryEnumeration = true)]
    public void Bfloat16_stays_close_to_float32(string name, UNet2DConditionOptions options)
    {
        using var scope = NewDisposeScope();
        (UNet2DConditionModel network, Dictionary<string, Tensor> io) = Load(name, options);
        using (network)
        {
            network.to(bfloat16);
            var denoiser = new Denoiser(network, PredictionType.Epsilon);
            Tensor actual = denoiser.Predict(io["sample"], io["timestep"], new Conditioning(io["encoder_hidden_states"]));

            Assert.Equal(float32, actual.dtype);
            Assert.True(Golden.RelativeError(io["out"], actual) < 0.03);
        }
    }

    [Fact]
    public void The_full_size_has_the_published_names_and_shapes()
    {
        using var network = new UNet2DConditionModel(new UNet2DConditionOptions(), new TensorOptions(Device: META));
        string[] actual = [.. network.named_parameters()
            .Select(entry => $"{entry.name} [{string.Join(", ", entry.parameter.shape)}]")
            .Order(StringComparer.Ordinal)];

        Assert.Equal(686, actual.Length);
        Assert.Equal(859_520_964, network.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Fixtures", "unet-sd15-full-parameters.txt")), actual);
        Assert.Equal(686, network.state_dict().Count);
    }

    [Fact]
    public void A_row_does_not_depend_on_the_rows_beside_it()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = new UNet2DConditionModel(Small).Initialize(new Generator(1));
        (Tensor x, Tensor t, Tensor text) = Inputs(rows: 3, side: 8);
        Tensor together = network.call(x, t, text);
        for (int row = 0; row < 3; row++)
        {
            Tensor alone = network.call(x[row..(row + 1)], t[row..(row + 1)], text[row..(row + 1)]);
            Assert.True(Golden.RelativeError(alone, together[row..(row + 1)]) < 1e-5);
        }
    }

    [Fact]
    public void The_halves_make_the_whole_and_leave_the_features_as_they_were()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = new UNet2DConditionModel(Small).Initialize(new Generator(1));
        (Tensor x, Tensor t, Tensor text) = Inputs(rows: 2, side: 8);
        UNetContext context = network.Prepare(t, new Conditioning(text));
        UNetFeatures features = network.Encode(x, context);

        Assert.Equal(4, features.Skips.Count);
        Tensor whole = network.call(x, t, text);
        Assert.True(whole.Equals(network.Decode(features, context)));
        Assert.True(whole.Equals(network.Decode(features, context)));
    }

    [Theory]
    [InlineData(7, 9)]
    [InlineData(5, 8)]
    public void Sides_need_not_be_even(int height, int width)
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = new UNet2DConditionModel(Small).Initialize(new Generator(1));
        Assert.Equal([1, 4, height, width], network.call(randn(1, 4, height, width), zeros(1), randn(1, 5, 32)).shape);
    }

    [Fact]
    public void Every_parameter_receives_a_gradient()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = new UNet2DConditionModel(Small).Initialize(new Generator(1));
        (Tensor x, Tensor t, Tensor text) = Inputs(rows: 2, side: 8);
        network.call(x, t, text).Squared().sum().backward();

        Assert.All(network.named_parameters(), entry => Assert.True(entry.parameter.grad?.abs().sum().item<float>() > 0, entry.name));
    }

    [Fact]
    public void The_denoiser_computes_no_gradients_and_leaves_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = new UNet2DConditionModel(Small).Initialize(new Generator(1));
        var denoiser = new Denoiser(network, PredictionType.VPrediction);
        (Tensor x, Tensor t, Tensor text) = Inputs(rows: 2, side: 8);
        var conditioning = new Conditioning(text);
        using Tensor prediction = denoiser.Predict(x, t, conditioning);

        Assert.Equal(PredictionType.VPrediction, denoiser.Prediction);
        Assert.False(prediction.requires_grad);
        Living.StaysConstant(() => denoiser.Predict(x, t, conditioning).Dispose());
        Living.StaysConstant(() => network.call(x, t, text).Dispose());
    }

    [Fact]
    public void Arguments_of_a_wrong_shape_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = new UNet2DConditionModel(Small).Initialize(new Generator(1));
        var denoiser = new Denoiser(network, PredictionType.Epsilon);
        (Tensor x, Tensor t, Tensor text) = Inputs(rows: 2, side: 8);

        Assert.Throws<ArgumentException>("x", () => denoiser.Predict(x[.., ..3], t, new Conditioning(text)));
        Assert.Throws<ArgumentException>("t", () => denoiser.Predict(x, t[..1], new Conditioning(text)));
        Assert.Throws<ArgumentException>("text", () => denoiser.Predict(x, t, new Conditioning(text[..1])));
        Assert.Throws<ArgumentException>("text", () => denoiser.Predict(x, t, new Conditioning(text[.., .., ..31])));
    }

    [Fact]
    public void A_network_is_built_in_the_wanted_precision_and_outlives_the_scope_it_was_built_in()
    {
        UNet2DConditionModel network;
        using (NewDisposeScope())
        {
            network = new UNet2DConditionModel(Small, new TensorOptions(ScalarType.BFloat16)).Initialize(new Generator(1));
        }

        using (network)
        {
            Assert.All(network.parameters(), parameter => Assert.Equal(bfloat16, parameter.dtype));
            using DisposeScope scope = NewDisposeScope();
            (Tensor x, Tensor t, Tensor text) = Inputs(rows: 1, side: 8);
            Tensor prediction = new Denoiser(network, PredictionType.Epsilon).Predict(x, t, new Conditioning(text));
            Assert.True(prediction.isfinite().all().item<bool>());
        }
    }

    [Fact]
    public void Options_that_do_not_fit_one_another_are_refused()
    {
        Assert.Throws<ArgumentException>("UpBlockTypes", () => new UNet2DConditionModel(Small with { UpBlockTypes = [] }));
        Assert.Throws<ArgumentException>("BlockOutChannels", () => new UNet2DConditionModel(Small with { NormNumGroups = 7 }));
        Assert.Throws<ArgumentException>("NumAttentionHeads", () => new UNet2DConditionModel(Small with { NumAttentionHeads = [4, 500] }));
        Assert.Throws<ArgumentOutOfRangeException>("NormEps", () => new UNet2DConditionModel(Small with { NormEps = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("FreqShift", () => new UNet2DConditionModel(Small with { FreqShift = 16 }));
    }

    private static (UNet2DConditionModel Network, Dictionary<string, Tensor> Io) Load(string name, UNet2DConditionOptions options)
    {
        string folder = SharedData.Require($"golden/{name}");
        var network = new UNet2DConditionModel(options);
        network.load_state_dict(Golden.Read(Path.Combine(folder, "diffusion_pytorch_model.safetensors")));
        return (network, Golden.Read(Path.Combine(folder, "io.safetensors")));
    }

    private static (Tensor X, Tensor T, Tensor Text) Inputs(int rows, int side)
    {
        var generator = new Generator(2);
        return (randn([rows, 4, side, side], generator: generator), TensorArithmetic.Indices(rows).Times(300).Plus(7), randn([rows, 5, 32], generator: generator));
    }
}

using Millrace.Checkpoints;
using Millrace.Compression.Calibration;
using Millrace.Compression.Quantization;
using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Tests.Compression.Quantization;

/// <summary>Networks in integers against the same networks in float32.</summary>
public sealed class QuantizedNetworkTests : IDisposable
{
    private static readonly QuantizationOptions Options = new() { LeastChannels = 8, LeastOperations = 0, Candidates = 30, Batch = 8 };

    private static readonly UNet2DConditionOptions Shape = TinyModel.UNet with { BlockOutChannels = [16, 32], NormNumGroups = 8, CrossAttentionDim = 16 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The integer product of a layer is, number for number, the float64 product of what its rounded input and its rounded weights stand for.</summary>
    [Fact]
    public void A_layer_computes_what_its_levels_stand_for()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using Linear layer = new Linear(24, 16).Initialize(generator);
        Tensor x = randn(32, 24, generator: generator);
        using Module network = Sequential(("layer", layer));
        using QuantizedNetwork integers = NetworkQuantizer.Quantize(network, () => layer.call(x), Options);
        QuantizedLayer found = Assert.Single(integers.Layers);
        Tensor expected = functional.linear(found.Input.Apply(x.to(float64)), found.Weights.to(float64) * found.Scales.to(float64).unsqueeze(1), layer.Bias!.to(float64));

        Tensor plain = layer.call(x);
        integers.UseIn(network);
        Assert.True(Golden.RelativeError(expected.to(float32), layer.call(x)) < 1e-5);
        Assert.True(Golden.RelativeError(plain, layer.call(x)) < 0.05);
    }

    [Fact]
    public void A_U_Net_agrees_with_itself_in_float32_whether_or_not_prepared_and_saved()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using UNet2DConditionModel network = New(3);
        var denoiser = new Denoiser(network, PredictionType.Epsilon);
        using CalibrationSet rows = Rows(generator);
        Tensor plain = denoiser.Predict(rows.X, rows.T, rows.Conditioning);

        using QuantizedNetwork integers = NetworkQuantizer.Quantize(network, denoiser, rows, Options with { WeightBits = 8 });
        Assert.Equal(0, plain.Minus(denoiser.Predict(rows.X, rows.T, rows.Conditioning)).abs().max().item<float>()); // as it was
        string path = _folder.File("unet.safetensors");
        using (var model = new QuantizedModel(new Dictionary<string, QuantizedNetwork> { ["unet"] = integers }))
        {
            model.Save(path);
        }

        using QuantizedModel read = QuantizedModel.Load(path);
        Assert.Contains("in int8", read.Networks["unet"].UseIn(network), StringComparison.Ordinal);
        Tensor found = denoiser.Predict(rows.X, rows.T, rows.Conditioning);
        Assert.True(Error(plain, found) < 0.01, $"{Error(plain, found)}");
        Assert.True(Error(plain, found) > 0);

        network.PrepareForInference(ScalarType.Float32);
        Tensor prepared = denoiser.Predict(rows.X, rows.T, rows.Conditioning);
        Assert.True(Error(found, prepared) < 1e-3, $"{Error(found, prepared)}");
        Living.StaysConstant(() => denoiser.Predict(rows.X, rows.T, rows.Conditioning).Dispose(), repeats: 5);

        // One instance, several threads.
        Parallel.For(0, 4, _ =>
        {
            using var inner = NewDisposeScope();
            Assert.True(Error(prepared, denoiser.Predict(rows.X, rows.T, rows.Conditioning)) < 1e-9);
        });
    }

    [Fact]
    public void A_tiny_autoencoder_agrees_with_itself_in_float32()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using AutoencoderTiny network = new AutoencoderTiny(new AutoencoderTinyOptions { EncoderBlockOutChannels = [16, 16], DecoderBlockOutChannels = [16, 16], NumEncoderBlocks = [1, 1], NumDecoderBlocks = [1, 1] }).Initialize(generator);
        Tensor latent = randn(4, 4, 6, 8, generator: generator), image = network.Decode(latent), coded = network.Encode(image.Clamped(-1, 1));
        using QuantizedNetwork integers = NetworkQuantizer.Quantize(network, () => network.Encode(network.Decode(latent).Clamped(-1, 1)), Options);
        integers.UseIn(network);
        Assert.True(Error(image, network.Decode(latent)) < 0.01, $"{Error(image, network.Decode(latent))}");
        Assert.True(Error(coded, network.Encode(image.Clamped(-1, 1))) < 0.01);
        Living.StaysConstant(() => network.Decode(latent).Dispose(), repeats: 5);
    }

    [Fact]
    public void Another_base_a_second_time_and_broken_files_are_refused()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        using UNet2DConditionModel network = New(3), other = New(4);
        var denoiser = new Denoiser(network, PredictionType.Epsilon);
        using CalibrationSet rows = Rows(generator);
        using QuantizedNetwork integers = NetworkQuantizer.Quantize(network, denoiser, rows, Options);

        Assert.Contains("belongs to another base", Assert.Throws<InvalidDataException>(() => integers.UseIn(other)).Message, StringComparison.Ordinal);
        integers.UseIn(network);
        Assert.Contains("quantized already", Assert.Throws<ArgumentException>(() => integers.UseIn(network)).Message, StringComparison.Ordinal);
        Assert.Contains("worth quantizing", Assert.Throws<ArgumentException>(
            () => NetworkQuantizer.Quantize(other, new Denoiser(other, PredictionType.Epsilon), rows, Options with { LeastOperations = long.MaxValue })).Message, StringComparison.Ordinal);
        using UNet2DConditionModel half = New(5).to(bfloat16);
        Assert.Contains("Float32 on the CPU", Assert.Throws<ArgumentException>(() => integers.UseIn(half)).Message, StringComparison.Ordinal);

        string strange = _folder.File("strange.safetensors"), broken = _folder.File("broken.safetensors");
        SafetensorsWriter.Write(strange, [KeyValuePair.Create("x", ones(2))]);
        Assert.Contains("no quantization", Assert.Throws<InvalidDataException>(() => QuantizedModel.Load(strange)).Message, StringComparison.Ordinal);
        SafetensorsWriter.Write(broken, [KeyValuePair.Create("unet.a.weight", ones(2))], new Dictionary<string, string> { ["kind"] = "millrace quantization", ["unet.base"] = "0", ["unet.weight_bits"] = "8" });
        Assert.Contains("'unet.a' is broken", Assert.Throws<InvalidDataException>(() => QuantizedModel.Load(broken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NaN_during_calibration_names_the_layer_and_leaves_the_network_as_it_was()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        using Linear layer = new Linear(24, 16).Initialize(generator);
        using Module network = Sequential(("layer", layer));
        Tensor good = randn(16, 24, generator: generator), before = layer.Weight.clone(), bad = good.Times(double.NaN);
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => NetworkQuantizer.Quantize(network, Show, Options)).Message, StringComparison.Ordinal);
        Assert.True(before.equal(layer.Weight).all().item<bool>());

        void Show()
        {
            layer.call(good);
            layer.call(bad);
        }
    }

    private static UNet2DConditionModel New(ulong seed)
    {
        using var generator = new Generator(seed);
        return new UNet2DConditionModel(Shape).Initialize(generator);
    }

    private static CalibrationSet Rows(Generator generator)
    {
        Tensor text = randn(16, 5, 16, generator: generator).DetachFromDisposeScope(), x = randn(16, 4, 8, 8, generator: generator).DetachFromDisposeScope();
        return new CalibrationSet(x, rand(16, generator: generator).Times(99).DetachFromDisposeScope(), new Conditioning(text));
    }

    /// <summary>Mean squared difference over mean square.</summary>
    private static double Error(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        return (actual.Minus(expected).Squared().mean() / expected.Squared().mean()).item<float>();
    }
}

using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

public sealed class AutoencoderTinyTests
{
    private static readonly AutoencoderTinyOptions Narrow = new()
    {
        EncoderBlockOutChannels = [8, 8, 8, 8],
        DecoderBlockOutChannels = [8, 8, 8, 8],
    };

    private static readonly AutoencoderTinyOptions ThreeStages = new()
    {
        EncoderBlockOutChannels = [8, 16, 16],
        DecoderBlockOutChannels = [16, 16, 8],
        NumEncoderBlocks = [1, 1, 1],
        NumDecoderBlocks = [1, 1, 1],
        ScalingFactor = 0.5,
    };

    private static string Fixture => Path.Combine(AppContext.BaseDirectory, "Fixtures", "autoencoder-tiny");

    [Fact]
    public void Agrees_with_the_reference()
    {
        using var scope = NewDisposeScope();
        using var autoencoder = new AutoencoderTiny(Narrow);
        autoencoder.load_state_dict(Golden.Read(Path.Combine(Fixture, "diffusion_pytorch_model.safetensors")));
        Dictionary<string, Tensor> io = Golden.Read(Path.Combine(Fixture, "io.safetensors"));

        Assert.True(Golden.RelativeError(io["latents"], autoencoder.Encode(io["image"])) < 1e-4);
        Assert.True(Golden.RelativeError(io["decoded"], autoencoder.Decode(io["latents"])) < 1e-4);
    }

    [Fact]
    public void The_full_size_has_the_published_number_of_parameters()
    {
        using var autoencoder = new AutoencoderTiny(new AutoencoderTinyOptions(), new TensorOptions(Device: META));

        Assert.Equal(1_222_532, autoencoder.Encoder.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(1_222_531, autoencoder.Decoder.parameters().Sum(parameter => parameter.numel()));
    }

    [Fact]
    public void The_spatial_factor_follows_from_the_number_of_stages()
    {
        using var scope = NewDisposeScope();
        foreach ((AutoencoderTinyOptions options, int factor) in new[] { (Narrow, 8), (ThreeStages, 4) })
        {
            using AutoencoderTiny autoencoder = new AutoencoderTiny(options).Initialize(new Generator(1));
            Tensor latent = autoencoder.Encode(zeros(2, 3, 32, 64));

            Assert.Equal(factor, autoencoder.SpatialFactor);
            Assert.Equal([2, 4, 32 / factor, 64 / factor], latent.shape);
            Assert.Equal([2, 3, 32, 64], autoencoder.Decode(latent).shape);
        }
    }

    [Fact]
    public void Bfloat16_stays_close_to_float32()
    {
        using var scope = NewDisposeScope();
        using var autoencoder = new AutoencoderTiny(Narrow);
        autoencoder.load_state_dict(Golden.Read(Path.Combine(Fixture, "diffusion_pytorch_model.safetensors")));
        Dictionary<string, Tensor> io = Golden.Read(Path.Combine(Fixture, "io.safetensors"));
        autoencoder.to(bfloat16);

        Assert.True(Golden.RelativeError(io["latents"], autoencoder.Encode(io["image"])) < 0.05);
        Assert.True(Golden.RelativeError(io["decoded"], autoencoder.Decode(io["latents"])) < 0.05);
    }

    [Fact]
    public void Scaled_latents_are_raw_latents_times_the_factor()
    {
        using var scope = NewDisposeScope();
        using AutoencoderTiny autoencoder = new AutoencoderTiny(ThreeStages).Initialize(new Generator(1));
        Tensor image = rand(1, 3, 16, 16);
        Tensor raw = autoencoder.Encoder.call(image);

        Assert.True(Golden.RelativeError(raw.Times(0.5), autoencoder.Encode(image)) < 1e-6);
        Assert.True(Golden.RelativeError(autoencoder.Decoder.call(raw), autoencoder.Decode(raw.Times(0.5))) < 1e-5);
    }

    [Fact]
    public void Every_parameter_receives_a_gradient()
    {
        using var scope = NewDisposeScope();
        using AutoencoderTiny autoencoder = new AutoencoderTiny(ThreeStages).Initialize(new Generator(1));
        autoencoder.call(rand(1, 3, 16, 16)).Squared().sum().backward();

        Assert.All(autoencoder.named_parameters(), entry => Assert.True(entry.parameter.grad?.abs().sum().item<float>() > 0, entry.name));
    }

    [Fact]
    public void The_same_seed_draws_the_same_parameters()
    {
        using AutoencoderTiny first = new AutoencoderTiny(ThreeStages).Initialize(new Generator(7));
        using AutoencoderTiny second = new AutoencoderTiny(ThreeStages).Initialize(new Generator(7));
        using AutoencoderTiny other = new AutoencoderTiny(ThreeStages).Initialize(new Generator(8));

        Assert.All(first.parameters().Zip(second.parameters()), pair => Assert.True(pair.First.Equals(pair.Second)));
        Assert.All(first.parameters().Zip(other.parameters()), pair => Assert.False(pair.First.Equals(pair.Second)));
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        using var scope = NewDisposeScope();
        using AutoencoderTiny autoencoder = new AutoencoderTiny(ThreeStages).Initialize(new Generator(1));
        Tensor image = rand(1, 3, 16, 16);
        Living.StaysConstant(() =>
        {
            using Tensor latent = autoencoder.Encode(image);
            autoencoder.Decode(latent).Dispose();
        });
    }

    [Fact]
    public void A_wrong_shape_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using AutoencoderTiny autoencoder = new AutoencoderTiny(ThreeStages).Initialize(new Generator(1));

        var error = Assert.Throws<ArgumentException>(() => autoencoder.Encode(zeros(1, 3, 18, 16)));
        Assert.StartsWith("image must be [B, 3, H, W] with H and W divisible by 4, got [1, 3, 18, 16].", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => autoencoder.Decode(zeros(1, 3, 4, 4)));
    }

    [Fact]
    public void Latents_of_sixteen_channels_are_read_from_a_file_that_says_a_shift_of_zero()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, """{"_class_name": "AutoencoderTiny", "latent_channels": 16, "shift_factor": 0.0, "upsample_fn": "nearest"}""");
            Assert.Equal(16, AutoencoderTinyConfig.Read(path).LatentChannels);
            File.WriteAllText(path, """{"_class_name": "AutoencoderTiny", "shift_factor": 0.5}""");
            Assert.Contains("shift_factor", Assert.Throws<InvalidDataException>(() => AutoencoderTinyConfig.Read(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Options_that_do_not_fit_one_another_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new AutoencoderTiny(Narrow with { NumEncoderBlocks = [1, 1] }));
        Assert.Throws<ArgumentException>(() => new AutoencoderTiny(Narrow with { DecoderBlockOutChannels = [8] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AutoencoderTiny(Narrow with { LatentChannels = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AutoencoderTiny(Narrow with { ScalingFactor = double.NaN }));
    }
}

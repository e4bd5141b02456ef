using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

public sealed class AutoencoderKLTests
{
    private static readonly AutoencoderKLOptions Small = new() { BlockOutChannels = [16, 32], LayersPerBlock = 1, NormNumGroups = 8 };

    [Fact]
    public void Agrees_with_the_reference()
    {
        string folder = SharedData.Require("golden/autoencoder-kl");
        using var scope = NewDisposeScope();
        using var autoencoder = new AutoencoderKL(AutoencoderKLConfig.Read(Path.Combine(folder, "config.json")));
        autoencoder.load_state_dict(Golden.Read(Path.Combine(folder, "diffusion_pytorch_model.safetensors")));
        Dictionary<string, Tensor> io = Golden.Read(Path.Combine(folder, "io.safetensors"));
        (Tensor mean, Tensor logVariance) = autoencoder.EncodeMoments(io["image"]);

        Assert.True(Golden.RelativeError(io["mean"], mean) < 1e-4);
        Assert.True(Golden.RelativeError(io["logvar"], logVariance) < 1e-4);
        Assert.True(Golden.RelativeError(io["mean"].Times(0.18215), autoencoder.Encode(io["image"])) < 1e-4);
        Assert.True(Golden.RelativeError(io["decoded_mean"], autoencoder.Decode(io["mean"].Times(0.18215))) < 1e-4);
    }

    [Fact]
    public void The_full_size_has_the_published_number_of_parameters()
    {
        using var autoencoder = new AutoencoderKL(new AutoencoderKLOptions(), new TensorOptions(Device: META));

        Assert.Equal(83_653_863, autoencoder.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(8, autoencoder.SpatialFactor);
    }

    [Fact]
    public void Every_parameter_of_the_mean_receives_a_gradient_and_no_tensor_is_left_behind()
    {
        using var scope = NewDisposeScope();
        using AutoencoderKL autoencoder = new AutoencoderKL(Small).Initialize(new Generator(1));
        Tensor image = rand(1, 3, 16, 16);
        autoencoder.call(image).Squared().sum().backward();

        Assert.All(autoencoder.named_parameters(), entry => Assert.True(entry.parameter.grad?.abs().sum().item<float>() > 0, entry.name));
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
        using AutoencoderKL autoencoder = new AutoencoderKL(Small).Initialize(new Generator(1));

        Assert.Throws<ArgumentException>("image", () => autoencoder.Encode(zeros(1, 3, 15, 16)));
        Assert.Throws<ArgumentException>("latent", () => autoencoder.Decode(zeros(1, 3, 4, 4)));
    }
}

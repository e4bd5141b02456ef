using Millrace.Checkpoints;
using Millrace.Models.Adapters;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Checkpoints.Adapters;

/// <summary>T2I-Adapters: their features against plain operations, the forms that they come in, and what they do to a U-Net.</summary>
public sealed class T2IAdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<T2IAdapterKind> Kinds => [.. Enum.GetValues<T2IAdapterKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Features_are_those_of_plain_operations(T2IAdapterKind kind)
    {
        using var scope = NewDisposeScope();
        using T2IAdapterModel network = Network(kind);
        Tensor picture = rand(2, 3, 48, 32);
        Tensor[] expected = [.. Plain(network, picture)];
        IReadOnlyList<Tensor> features = network.Features(picture);

        Assert.Equal(expected.Length, features.Count);
        Assert.All(expected.Zip(features), pair => Assert.True(Golden.RelativeError(pair.First, pair.Second) < 1e-5));
        Assert.Equal(network.Options.FeatureWidths, features.Select(feature => (int)feature.shape[1]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_folder_and_a_single_file_of_the_original_hold_the_same_network(T2IAdapterKind kind)
    {
        using var scope = NewDisposeScope();
        using T2IAdapterModel network = Network(kind);
        Dictionary<string, Tensor> state = network.state_dict();
        string folder = TinyFolders.T2IAdapter(_folder.File("folder"), network.Options);
        SafetensorsWriter.Write(Path.Combine(folder, "diffusion_pytorch_model.safetensors"), state);
        SafetensorsWriter.Write(_folder.File("original.safetensors"), state.ToDictionary(entry => OriginalName(entry.Key, network.Options), entry => entry.Value));

        Tensor picture = rand(1, 3, 32, 32);
        IReadOnlyList<Tensor> wanted = network.Features(picture);
        foreach (string path in new[] { folder, _folder.File("original.safetensors") })
        {
            using T2IAdapterModel loaded = T2IAdapterFile.Load(path);
            Assert.Equal(network.Options.FeatureWidths, loaded.Options.FeatureWidths);
            Assert.All(wanted.Zip(loaded.Features(picture)), pair => Assert.True(pair.First.Equals(pair.Second)));
        }
    }

    [Fact]
    public void Several_add_up_row_by_row_and_work_where_they_are_asked_to()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel unet = new UNet2DConditionModel(TinyModel.UNet).Initialize(new Generator(1));
        using T2IAdapterModel network = new T2IAdapterModel(Fitting).Initialize(new Generator(2));
        IReadOnlyList<Tensor> first = network.Features(rand(1, 3, 16, 16)), second = network.Features(rand(1, 3, 16, 16));
        Tensor x = randn(2, 4, 8, 8), t = tensor([90f, 10f]);
        var text = new Conditioning(randn(2, 5, 16));
        Tensor Predict(params IUNetAttachment[] adapters) => new AttachedUNet(unet, adapters).Predict(x, t, text);
        T2IAdapter Adapter(IReadOnlyList<Tensor> features, double scale, double end = 1) => new(Fitting, unet, features, new ControlStrength(scale, 0, end), 100);
        Tensor Sum(int index, params double[] scales) => first[index].Times(scales[0]).Plus(second[index].Times(scales[1]));

        Tensor both = Predict(Adapter(first, 0.5), Adapter(second, 2));
        Tensor byHand = unet.Predict(x, t, text, new UNetHooks { AdapterFeatures = [Sum(0, 0.5, 2), Sum(1, 0.5, 2)] });
        Assert.True(Golden.RelativeError(byHand, both) < 1e-5);

        // The first row is at the start of the way, the second near its end.
        Tensor half = Predict(Adapter(first, 1, end: 0.5));
        Assert.True(Golden.RelativeError(Predict(Adapter(first, 1))[0], half[0]) < 1e-5);
        Assert.True(Golden.RelativeError(Predict()[1], half[1]) < 1e-5);
        Assert.True(Golden.RelativeError(Predict(), both) > 1e-3);
        Assert.True(Predict(Adapter(first, 0)).Equals(Predict()));
    }

    [Fact]
    public void One_that_does_not_fit_is_refused_in_one_sentence()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel unet = new UNet2DConditionModel(TinyModel.UNet).Initialize(new Generator(1));
        Assert.Contains("widths [8, 8]; the model's U-Net has [8, 16]", Assert.Throws<ArgumentException>(
            () => new T2IAdapter(Fitting with { Channels = [8, 8] }, unet, [], new ControlStrength(), 100)).Message, StringComparison.Ordinal);
        Assert.Contains("feature for down_blocks.0 must be [1, 8, 8, 8], got [1, 8, 4, 4]", Assert.Throws<ArgumentException>(
            () => unet.Predict(zeros(1, 4, 8, 8), zeros(1), new Conditioning(zeros(1, 5, 16)), new UNetHooks { AdapterFeatures = [zeros(1, 8, 4, 4)] })).Message, StringComparison.Ordinal);

        SafetensorsWriter.Write(_folder.File("other.safetensors"), new Dictionary<string, Tensor> { ["weight"] = zeros(2) });
        Assert.Contains("is no T2I-Adapter: it must hold conv_in.weight", Assert.Throws<InvalidDataException>(() => T2IAdapterFile.Load(_folder.File("other.safetensors"))).Message, StringComparison.Ordinal);
        using T2IAdapterModel network = Network(T2IAdapterKind.Full);
        Assert.Contains("H and W divisible by 8", Assert.Throws<ArgumentException>(() => network.Features(rand(1, 3, 20, 16))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static T2IAdapterOptions Fitting => new() { Channels = [8, 16], ResidualBlocks = 1, DownscaleFactor = 2 };

    private static T2IAdapterModel Network(T2IAdapterKind kind) => new T2IAdapterModel(new T2IAdapterOptions
    {
        Kind = kind,
        Channels = kind == T2IAdapterKind.Light ? [8, 12, 16] : [8, 12, 16, 16],
        ResidualBlocks = kind == T2IAdapterKind.Light ? 3 : 2,
        DownscaleFactor = kind == T2IAdapterKind.FullXl ? 16 : 8,
    }).Initialize(new Generator(3));

    /// <summary>The paper's network, operation by operation over the names of its parameters.</summary>
    private static IEnumerable<Tensor> Plain(T2IAdapterModel network, Tensor picture)
    {
        Dictionary<string, Tensor> weights = network.state_dict();
        T2IAdapterOptions options = network.Options;
        Tensor Convolve(string name, Tensor x)
        {
            Tensor weight = weights[$"adapter.{name}.weight"];
            return functional.conv2d(x, weight, weights[$"adapter.{name}.bias"], padding: [weight.shape[2] / 2, weight.shape[2] / 2]);
        }

        // Pixels of each cell become channels, the channel of the picture in front.
        long side = options.DownscaleFactor, height = picture.shape[2] / side, width = picture.shape[3] / side;
        Tensor x = picture.view(picture.shape[0], 3, height, side, width, side).permute(0, 1, 3, 5, 2, 4).reshape(picture.shape[0], 3 * side * side, height, width);
        x = weights.ContainsKey("adapter.conv_in.weight") ? Convolve("conv_in", x) : x;
        for (int stage = 0; stage < options.FeatureWidths.Count; stage++)
        {
            bool halves = options.Kind == T2IAdapterKind.FullXl ? stage == 2 : stage > 0;
            x = halves ? functional.avg_pool2d(x, 2, ceil_mode: true) : x;
            x = weights.ContainsKey($"adapter.body.{stage}.in_conv.weight") ? Convolve($"body.{stage}.in_conv", x) : x;
            for (int block = 0; block < options.ResidualBlocks; block++)
            {
                x = x.Plus(Convolve($"body.{stage}.resnets.{block}.block2", Convolve($"body.{stage}.resnets.{block}.block1", x).relu()));
            }

            x = weights.ContainsKey($"adapter.body.{stage}.out_conv.weight") ? Convolve($"body.{stage}.out_conv", x) : x;
            yield return x;
        }
    }

    private static string OriginalName(string name, T2IAdapterOptions options)
    {
        string[] parts = name["adapter.".Length..].Split('.');
        return parts[0] != "body" ? string.Join('.', parts)
            : options.Kind == T2IAdapterKind.Light ? string.Join('.', parts).Replace("resnets", "body", StringComparison.Ordinal)
            : parts[2] == "in_conv" ? $"body.{int.Parse(parts[1]) * options.ResidualBlocks}.in_conv.{parts[3]}"
            : $"body.{(int.Parse(parts[1]) * options.ResidualBlocks) + int.Parse(parts[3])}.{parts[4]}.{parts[5]}";
    }
}

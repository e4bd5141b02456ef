using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Models.Adapters;
using Millrace.Models.ImageEncoders;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Pipelines;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Checkpoints.Adapters;

/// <summary>IP-Adapters: their tokens against plain operations, what they do to a U-Net against the paper's equation, and the forms that they come in.</summary>
public sealed class IPAdapterTests : IDisposable
{
    private static readonly UNet2DConditionOptions UNet = new()
    {
        BlockOutChannels = [8, 12],
        DownBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention],
        UpBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.Plain],
        LayersPerBlock = 1,
        NumAttentionHeads = [3, 5], // Which leave 6 of 8 and 10 of 12.
        TransformerLayersPerBlock = [[1], [2]],
        CrossAttentionDim = 16,
        NormNumGroups = 4,
        UseLinearProjection = true,
    };

    private static readonly int[] Widths = [6, 10, 10, 10, 10, 10, 10, 10, 10];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<IPAdapterKind> Kinds => [.. Enum.GetValues<IPAdapterKind>()];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Tokens_are_those_of_plain_operations(IPAdapterKind kind)
    {
        using var scope = NewDisposeScope();
        using IPAdapterModel network = Network(kind);
        using ClipVisionModel encoder = Encoder();
        Tensor pixels = randn(2, 3, 14, 14);
        ClipVisionOutput seen = encoder.Encode(pixels), nothing = encoder.Encode(zeros(1, 3, 14, 14));

        Assert.True(Golden.RelativeError(PlainTokens(network, seen.ImageEmbeddings!, seen.PenultimateHiddenState), network.Tokens(encoder, pixels)) < 1e-5);
        Assert.True(Golden.RelativeError(PlainTokens(network, zeros(1, 12), nothing.PenultimateHiddenState), network.TokensOfNothing(encoder)) < 1e-5);
        Assert.Equal([2, kind == IPAdapterKind.Full ? 10 : 3, 16], network.Tokens(encoder, pixels).shape);
    }

    [Fact]
    public void Every_attention_to_the_text_gains_one_to_the_picture()
    {
        using var scope = NewDisposeScope();
        using var unet = new UNet2DConditionModel(UNet);
        using IPAdapterModel first = Network(IPAdapterKind.Plain), second = Network(IPAdapterKind.Plus);
        Dictionary<string, Tensor> weights = TinyFolders.Drawn(unet);
        Tensor x = randn(2, 4, 8, 8), t = tensor([90f, 10f]), text = randn(2, 5, 16), one = randn(2, 3, 16), two = randn(2, 4, 16);
        (IPAdapterModel Network, Tensor Tokens, double Scale)[] pictures = [(first, one, 0.7), (second, two, -1.5)];
        var captured = new Dictionary<string, Tensor>();
        var recorder = new Recorder((name, feature) => captured[name] = feature.clone().DetachFromDisposeScope());
        var conditioning = new Conditioning(text) { ImageTokens = [one, two] };
        _ = new AttachedUNet(unet, recorder, Adapter(first, unet, 0, 0.7), Adapter(second, unet, 1, -1.5)).Predict(x, t, conditioning);

        // Every attention is computed again from what it was given, by the equation of the paper.
        string[] layers = ["down_blocks.0.attentions.0", "down_blocks.1.attentions.0", "up_blocks.0.attentions.0", "up_blocks.0.attentions.1", "mid_block.attentions.0"];
        int[] depths = [1, 2, 2, 2, 2], heads = [3, 5, 5, 5, 5];
        int block = 0;
        foreach ((string layer, int depth, int count) in layers.Zip(depths, heads))
        {
            Tensor given = captured[layer.Replace("attentions", "resnets", StringComparison.Ordinal)];
            Tensor expected = PlainTransformer(weights, layer, depth, count, given, text, pictures, block);
            Assert.True(Golden.RelativeError(expected, captured[layer]) < 1e-5, layer);
            block += depth;
        }

        Assert.Equal(Widths.Length, block);
        captured.Values.ToList().ForEach(feature => feature.Dispose());
    }

    [Fact]
    public void A_scale_of_zero_is_no_adapter_to_the_bit_and_rows_are_independent()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel unet = new UNet2DConditionModel(UNet).Initialize(new Generator(1));
        using IPAdapterModel network = Network(IPAdapterKind.Plain);
        Tensor x = randn(2, 4, 8, 8), t = tensor([90f, 10f]), text = randn(2, 5, 16), tokens = randn(2, 3, 16);
        Tensor Predict(double scale, double end = 1, int rows = 2) => new AttachedUNet(unet, Adapter(network, unet, 0, scale, end))
            .Predict(x.narrow(0, 0, rows), t.narrow(0, 0, rows), new Conditioning(text.narrow(0, 0, rows)) { ImageTokens = [tokens.narrow(0, 0, rows)] });
        Tensor without = unet.Predict(x, t, new Conditioning(text)), with = Predict(1);

        Assert.True(Predict(0).Equals(without));
        Assert.True(Golden.RelativeError(without, with) > 1e-3);
        Assert.True(Golden.RelativeError(with[0], Predict(1, rows: 1)[0]) < 1e-5);

        // The first row is at the start of the way, the second near its end.
        Tensor half = Predict(1, end: 0.5);
        Assert.True(Golden.RelativeError(with[0], half[0]) < 1e-5);
        Assert.True(Golden.RelativeError(without[1], half[1]) < 1e-5);
        Living.StaysConstant(
            () =>
            {
                using var request = NewDisposeScope();
                Predict(1);
            },
            repeats: 3);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_file_of_either_form_holds_the_network(IPAdapterKind kind)
    {
        using var scope = NewDisposeScope();
        using IPAdapterModel network = Network(kind);
        using ClipVisionModel encoder = Encoder();
        Tensor pixels = randn(1, 3, 14, 14), wanted = network.Tokens(encoder, pixels);
        Dictionary<string, Tensor> state = network.state_dict();
        SafetensorsWriter.Write(_folder.File("a.safetensors"), state.ToDictionary(entry => TinyFolders.OriginalName(entry.Key), entry => entry.Value));
        File.WriteAllBytes(_folder.File("a.bin"), new TorchArchive().Dictionary(archive =>
        {
            // Two dictionaries in one.
            foreach (IGrouping<string, KeyValuePair<string, Tensor>> part in state.GroupBy(entry => entry.Key[..entry.Key.IndexOf('.', StringComparison.Ordinal)]))
            {
                archive.Text(part.Key).Dictionary(inner => part.ToList().ForEach(entry => inner.Text(TinyFolders.OriginalName(entry.Key)[(part.Key.Length + 1)..]).Tensor(entry.Value)));
            }
        }).ToBytes());

        foreach (string file in new[] { "a.safetensors", "a.bin" })
        {
            using IPAdapterModel loaded = IPAdapterFile.Load(_folder.File(file));
            Assert.Equal(kind, loaded.Options.Kind);
            Assert.True(wanted.Equals(loaded.Tokens(encoder, pixels)));
            Assert.Equal(state.Count, loaded.state_dict().Count(entry => entry.Value.Equals(state[entry.Key])));
        }
    }

    [Fact]
    public void Guidance_goes_away_from_no_picture_and_batches_make_no_difference()
    {
        using DiffusionModel model = DiffusersFolder.Load(TinyFolders.Write("sd", _folder.File("sd")));
        using IPAdapterModel network = IPAdapterFile.Load(TinyFolders.IPAdapter(_folder.File("ip.safetensors"), TinyModel.ImagePrompt));
        using ClipVisionModel encoder = ImageEncoderFolder.Load(TinyFolders.ImageEncoder(_folder.File("image_encoder"), TinyModel.Vision));
        var picture = new Frame(0, TimeSpan.Zero, 20, 31, [.. Enumerable.Range(0, 3 * 20 * 31).Select(index => (byte)(7 * index))]);
        var options = new GenerationOptions { Width = 16, Height = 16, Steps = 3, GuidanceScale = 5 };
        Frame[] Draw(double scale, int batch) =>
            [.. TextToImage.Generate(model, "a red car", options with { Batch = batch, ImagePrompts = [new ImagePrompt(network, encoder, picture, new ControlStrength(scale))] }, count: 2)];

        Frame[] plain = [.. TextToImage.Generate(model, "a red car", options, count: 2)], one = Draw(2, 1), two = Draw(2, 2);
        Assert.Equal(plain[1].Rgb, Draw(0, 2)[1].Rgb);
        Assert.NotEqual(plain[1].Rgb, one[1].Rgb);
        Assert.All(one.Zip(two), pair => Assert.All(pair.First.Rgb.Zip(pair.Second.Rgb), level => Assert.InRange(level.First - level.Second, -1, 1)));
    }

    [Fact]
    public void What_does_not_fit_is_refused_in_one_sentence()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel unet = new UNet2DConditionModel(UNet).Initialize(new Generator(1));
        using IPAdapterModel network = Network(IPAdapterKind.Plain), other = new(TinyModel.ImagePrompt), plus = Network(IPAdapterKind.Plus);
        using var blind = new ClipVisionModel(TinyModel.Vision with { ProjectionDim = null, HiddenSize = 20 });
        void Refused<T>(string sentence, Action action)
            where T : Exception => Assert.Contains(sentence, Assert.Throws<T>(action).Message, StringComparison.Ordinal);

        Refused<ArgumentException>("for text of width 16 and attention of widths [8, 8, 8, 16]; the model's U-Net has text of width 16 and attention of widths [6, 10,", () => Adapter(other, unet, 0, 1));
        Refused<ArgumentException>("takes embeddings of width 12; the encoder has hidden states of width 20 and no embeddings", () => network.TokensOfNothing(blind));
        Refused<ArgumentException>("takes hidden states of width 16; the encoder has hidden states of width 20", () => plus.Tokens(blind, zeros(1, 3, 14, 14)));
        Refused<ArgumentException>("ImageTokens 0 of the conditioning must be [1, tokens, 16], got none", () => new AttachedUNet(unet, Adapter(network, unet, 0, 1)).Predict(zeros(1, 4, 8, 8), zeros(1), new Conditioning(zeros(1, 5, 16))));

        Dictionary<string, Tensor> state = network.state_dict().ToDictionary(entry => TinyFolders.OriginalName(entry.Key), entry => entry.Value);
        void Load(params (string Name, Tensor? Value)[] changes)
        {
            IEnumerable<KeyValuePair<string, Tensor>> added = changes.Where(change => change.Value is not null).Select(change => KeyValuePair.Create(change.Name, change.Value!));
            SafetensorsWriter.Write(_folder.File("b.safetensors"), state.Where(entry => !changes.Any(change => change.Name == entry.Key)).Concat(added));
            IPAdapterFile.Load(_folder.File("b.safetensors")).Dispose();
        }

        Load();
        Refused<InvalidDataException>("b.safetensors' is no IP-Adapter: it must hold the weights of image_proj.proj.weight", () => Load(("image_proj.proj.weight", null)));
        Refused<InvalidDataException>("1 tensor missing (ip_adapter.2.to_v_ip.weight [10, 16])", () => Load(("ip_adapter.5.to_v_ip.weight", null)));
        Refused<InvalidDataException>("for faces (FaceID)", () => Load(("ip_adapter.1.to_q_lora.down.weight", zeros(2, 2))));
        Refused<InvalidDataException>("tensor 'ip_adapter.3.to_k_ip.weight' holds NaN", () => Load(("ip_adapter.3.to_k_ip.weight", TensorArithmetic.Filled(double.NaN, null, 10, 16))));
        Assert.Throws<FileNotFoundException>(() => IPAdapterFile.Load(_folder.File("nosuch")));
    }

    private static IPAdapterModel Network(IPAdapterKind kind)
    {
        var network = new IPAdapterModel(new IPAdapterOptions
        {
            Kind = kind,
            ImageWidth = kind == IPAdapterKind.Plain ? 12 : 16,
            Tokens = 3,
            ContextWidth = 16,
            LayerWidths = Widths,
            InnerWidth = 20,
            Depth = 2,
            Heads = 2,
            FeedForwardWidth = 24,
        });
        TinyFolders.Drawn(network);
        return network;
    }

    private static ClipVisionModel Encoder()
    {
        var encoder = new ClipVisionModel(TinyModel.Vision);
        TinyFolders.Drawn(encoder);
        return encoder;
    }

    private static IPAdapter Adapter(IPAdapterModel network, UNet2DConditionModel unet, int index, double scale, double end = 1) => new(network, unet, index, new ControlStrength(scale, 0, end), 100);

    /// <summary>The original's three projections, operation by operation over the names of its parameters.</summary>
    private static Tensor PlainTokens(IPAdapterModel network, Tensor embedding, Tensor hidden)
    {
        Dictionary<string, Tensor> weights = network.state_dict().Where(entry => entry.Key.StartsWith("image_proj.", StringComparison.Ordinal)).ToDictionary(entry => entry.Key["image_proj.".Length..], entry => entry.Value);
        Tensor Linear(string name, Tensor x) => functional.linear(x, weights[name + ".weight"], weights.GetValueOrDefault(name + ".bias"));
        Tensor Norm(string name, Tensor x) => functional.layer_norm(x, [x.shape[^1]], weights[name + ".weight"], weights[name + ".bias"]);
        switch (network.Options.Kind)
        {
            case IPAdapterKind.Plain:
                return Norm("norm", Linear("proj", embedding).reshape(embedding.shape[0], 3, 16));
            case IPAdapterKind.Full:
                return Norm("proj.3", Linear("proj.2", functional.gelu(Linear("proj.0", hidden))));
            default:
                Tensor seen = Linear("proj_in", hidden), queries = weights["latents"].repeat(hidden.shape[0], 1, 1);
                for (int layer = 0; layer < 2; layer++)
                {
                    Tensor query = Norm($"layers.{layer}.0.norm2", queries), all = cat([Norm($"layers.{layer}.0.norm1", seen), query], 1);
                    Tensor[] keyValue = Linear($"layers.{layer}.0.to_kv", all).chunk(2, -1);
                    queries = queries.Plus(Linear($"layers.{layer}.0.to_out", PlainAttention(Linear($"layers.{layer}.0.to_q", query), keyValue[0], keyValue[1], 2)));
                    queries = queries.Plus(Linear($"layers.{layer}.1.3", functional.gelu(Linear($"layers.{layer}.1.1", Norm($"layers.{layer}.1.0", queries)))));
                }

                return Norm("norm_out", Linear("proj_out", queries));
        }
    }

    /// <summary>A spatial transformer with the paper's equation 5 in every block: attention to the text, and to each picture with the same queries.</summary>
    private static Tensor PlainTransformer(
        Dictionary<string, Tensor> weights, string path, int depth, int heads, Tensor x, Tensor text, (IPAdapterModel Network, Tensor Tokens, double Scale)[] pictures, int firstBlock)
    {
        Tensor Linear(string name, Tensor tokens) => functional.linear(tokens, weights[$"{path}.{name}.weight"], weights.GetValueOrDefault($"{path}.{name}.bias"));
        Tensor Norm(string name, Tensor tokens) => functional.layer_norm(tokens, [tokens.shape[^1]], weights[$"{path}.{name}.weight"], weights[$"{path}.{name}.bias"]);
        Tensor normalized = functional.group_norm(x, 4, weights[$"{path}.norm.weight"], weights[$"{path}.norm.bias"], 1e-6);
        Tensor tokens = Linear("proj_in", normalized.flatten(2).transpose(1, 2));
        for (int block = 0; block < depth; block++)
        {
            string name = $"transformer_blocks.{block}";
            Tensor own = Norm($"{name}.norm1", tokens);
            tokens = tokens.Plus(Linear($"{name}.attn1.to_out.0", PlainAttention(Linear($"{name}.attn1.to_q", own), Linear($"{name}.attn1.to_k", own), Linear($"{name}.attn1.to_v", own), heads)));
            Tensor query = Linear($"{name}.attn2.to_q", Norm($"{name}.norm2", tokens));
            Tensor attended = PlainAttention(query, Linear($"{name}.attn2.to_k", text), Linear($"{name}.attn2.to_v", text), heads);
            foreach ((IPAdapterModel network, Tensor picture, double scale) in pictures)
            {
                Dictionary<string, Tensor> own2 = network.state_dict();
                Tensor Projected(string part) => functional.linear(picture, own2[$"ip_adapter.{firstBlock + block}.{part}.weight"]);
                attended = attended.Plus(PlainAttention(query, Projected("to_k_ip"), Projected("to_v_ip"), heads).Times(scale));
            }

            tokens = tokens.Plus(Linear($"{name}.attn2.to_out.0", attended));
            Tensor[] gated = Linear($"{name}.ff.net.0.proj", Norm($"{name}.norm3", tokens)).chunk(2, -1);
            tokens = tokens.Plus(Linear($"{name}.ff.net.2", gated[0] * functional.gelu(gated[1])));
        }

        return x.Plus(Linear("proj_out", tokens).transpose(1, 2).reshape(x.shape));
    }

    private static Tensor PlainAttention(Tensor query, Tensor key, Tensor value, int heads)
    {
        Tensor[] parts = [.. query.chunk(heads, -1).Zip(key.chunk(heads, -1), value.chunk(heads, -1)).Select(head =>
        {
            (Tensor q, Tensor k, Tensor v) = head;
            return q.matmul(k.transpose(1, 2)).Times(1 / Math.Sqrt(q.shape[^1])).softmax(-1).matmul(v);
        })];
        return cat(parts, -1);
    }

    private sealed class Recorder(Action<string, Tensor> seen) : IUNetAttachment
    {
        public UNetHooks Attach(UNetHooks hooks, Tensor x, Tensor t, Conditioning conditioning) => hooks with
        {
            Feature = (name, feature) =>
            {
                seen(name, feature);
                return feature;
            },
        };
    }
}

using System.Text.Json.Nodes;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

public sealed class ClipTextModelTests
{
    private static readonly ClipTextOptions Small = new()
    {
        VocabSize = 40,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 8,
        EosTokenId = 39,
        ProjectionDim = 6,
    };

    private static string Fixture => Path.Combine(AppContext.BaseDirectory, "Fixtures", "clip-text");

    [Fact]
    public void Agrees_with_the_reference()
    {
        using var scope = NewDisposeScope();
        using var model = new ClipTextModel(ClipTextConfig.Read(Path.Combine(Fixture, "config.json")));
        model.load_state_dict(Golden.Read(Path.Combine(Fixture, "model.safetensors")));
        Dictionary<string, Tensor> io = Golden.Read(Path.Combine(Fixture, "io.safetensors"));
        using IDisposable noGrad = no_grad();
        ClipTextOutput output = model.Encode(io["input_ids"]);

        Assert.True(Golden.RelativeError(io["last_hidden_state"], output.LastHiddenState) < 1e-4);
        Assert.True(Golden.RelativeError(io["penultimate_hidden_state"], output.PenultimateHiddenState) < 1e-4);
        Assert.True(Golden.RelativeError(io["pooled"], output.Pooled) < 1e-4);
        Assert.True(Golden.RelativeError(io["text_embeds"], output.TextEmbeddings!) < 1e-4);
        Assert.True(Golden.RelativeError(io["last_hidden_state"], model.call(io["input_ids"])) < 1e-4);
    }

    [Fact]
    public void A_token_sees_only_those_before_it()
    {
        using var scope = NewDisposeScope();
        using ClipTextModel model = Random();
        Tensor first = model.call(tensor([1L, 2, 3, 4], [1, 4]));
        Tensor second = model.call(tensor([1L, 2, 3, 9], [1, 4]));

        Assert.True(Golden.RelativeError(first[.., ..3], second[.., ..3]) < 1e-6);
        Assert.True(Golden.RelativeError(first[.., 3..], second[.., 3..]) > 1e-3);
    }

    [Fact]
    public void Pools_at_the_first_end()
    {
        using var scope = NewDisposeScope();
        using ClipTextModel model = Random();
        ClipTextOutput output = model.Encode(tensor([1L, 2, 39, 39, 39, 1, 39, 39], [2, 4]));

        Assert.True(Golden.RelativeError(output.LastHiddenState[0, 2], output.Pooled[0]) < 1e-6);
        Assert.True(Golden.RelativeError(output.LastHiddenState[1, 0], output.Pooled[1]) < 1e-6);
        Assert.Equal([2, 6], output.TextEmbeddings!.shape);
    }

    [Fact]
    public void Every_parameter_receives_a_gradient()
    {
        using var scope = NewDisposeScope();
        using ClipTextModel model = Random();
        model.Encode(TensorArithmetic.Indices(8).view(1, 8).Plus(32)).TextEmbeddings!.Squared().sum().backward();

        Assert.All(model.named_parameters(), entry => Assert.True(entry.parameter.grad?.abs().sum().item<float>() > 0, entry.name));
    }

    [Fact]
    public void The_same_seed_draws_the_same_parameters()
    {
        using ClipTextModel first = Random(), second = Random();

        Assert.All(first.parameters().Zip(second.parameters()), pair => Assert.True(pair.First.Equals(pair.Second)));
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        using var scope = NewDisposeScope();
        using ClipTextModel model = Random();
        Tensor tokens = TensorArithmetic.Indices(8).view(1, 8);
        Living.StaysConstant(() =>
        {
            model.call(tokens).Dispose();
            ClipTextOutput output = model.Encode(tokens);
            output.LastHiddenState.Dispose();
            output.PenultimateHiddenState.Dispose();
            output.Pooled.Dispose();
            output.TextEmbeddings!.Dispose();
        });
    }

    [Fact]
    public void Refuses_more_tokens_than_positions()
    {
        using var scope = NewDisposeScope();
        using ClipTextModel model = Random();

        var error = Assert.Throws<ArgumentException>(() => model.call(zeros(1, 9, dtype: int64)));
        Assert.StartsWith("tokens must be int64 of [B, at most 8], got Int64 of [1, 9].", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.call(zeros(1, 4)));
        Assert.Throws<ArgumentException>(() => model.Encode(zeros(4, dtype: int64)));
    }

    [Fact]
    public void Parameters_of_the_full_size_bear_the_names_of_transformers()
    {
        using var model = new ClipTextModel(new ClipTextOptions(), new TensorOptions(Device: META));
        Dictionary<string, long[]> shapes = model.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter.shape);

        Assert.Equal(123_060_480, shapes.Values.Sum(shape => shape.Aggregate(1L, (product, side) => product * side)));
        Assert.Equal([49408, 768], shapes["text_model.embeddings.token_embedding.weight"]);
        Assert.Equal([77, 768], shapes["text_model.embeddings.position_embedding.weight"]);
        Assert.Equal([768, 768], shapes["text_model.encoder.layers.11.self_attn.out_proj.weight"]);
        Assert.Equal([3072], shapes["text_model.encoder.layers.0.mlp.fc1.bias"]);
        Assert.Equal([768], shapes["text_model.final_layer_norm.bias"]);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using var folder = new TemporaryFolder();
        ClipTextConfig.Write(folder.File("config.json"), Small with { QuickGelu = false });
        Assert.Equal(Small with { QuickGelu = false }, ClipTextConfig.Read(folder.File("config.json")));
        ClipTextConfig.Write(folder.File("config.json"), new ClipTextOptions());
        Assert.Equal(new ClipTextOptions(), ClipTextConfig.Read(folder.File("config.json")));
    }

    [Fact]
    public void Reads_a_config_of_stable_diffusion()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("config.json", """
            {
              "_name_or_path": "openai/clip-vit-large-patch14", "architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 0,
              "dropout": 0.0, "eos_token_id": 2, "hidden_act": "quick_gelu", "hidden_size": 768, "initializer_factor": 1.0,
              "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 77,
              "model_type": "clip_text_model", "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1, "projection_dim": 768,
              "torch_dtype": "float32", "transformers_version": "4.22.0.dev0", "vocab_size": 49408
            }
            """);

        // Its end and padding ids are known to be wrong; the tokenizer's count. Its projection has no weights.
        Assert.Equal(new ClipTextOptions(), ClipTextConfig.Read(path));
    }

    [Theory]
    [InlineData("hidden_size", "\"wide\"", "a whole number")]
    [InlineData("hidden_act", "\"relu\"", "\"quick_gelu\" or \"gelu\"")]
    [InlineData("architectures", "[\"BertModel\"]", "\"CLIPTextModel\" or \"CLIPTextModelWithProjection\"")]
    [InlineData("model_type", "\"clip_vision_model\"", "\"clip_text_model\"")]
    public void A_value_that_is_not_supported_is_refused_by_name(string field, string value, string allowed)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("config.json", new JsonObject { [field] = JsonNode.Parse(value) }.ToJsonString());

        var error = Assert.Throws<InvalidDataException>(() => ClipTextConfig.Read(path));
        Assert.StartsWith($"{path}: field \"{field}\" is ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($", but must be {allowed}.", error.Message, StringComparison.Ordinal);
    }

    private static ClipTextModel Random() => new ClipTextModel(Small).Initialize(new Generator(3));
}

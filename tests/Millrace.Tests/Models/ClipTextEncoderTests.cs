using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

public sealed class ClipTextEncoderTests
{
    private static readonly ClipTokenizer Tokenizer = ClipTokenizerTrainer.Train(["a red car", "a red cat"], 530);

    private static readonly ClipTextOptions Options = new()
    {
        VocabSize = 530,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 6,
        EosTokenId = Tokenizer.EndId,
    };

    [Fact]
    public void Ids_are_start_text_end_and_padding()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        (int start, int end) = (Tokenizer.StartId, Tokenizer.EndId);
        int[] car = [.. Tokenizer.Tokenize("a red car")];
        int[] many = [.. Tokenizer.Tokenize("a red car a red car")];
        Tensor tokens = encoder.Tokens(["", "a red car", "a red car a red car"]);

        Assert.Equal(3, car.Length);
        Assert.Equal(ScalarType.Int64, tokens.dtype);
        Assert.Equal([start, end, end, end, end, end], Row(tokens, 0));
        Assert.Equal([start, car[0], car[1], car[2], end, end], Row(tokens, 1));
        Assert.Equal([start, many[0], many[1], many[2], many[3], end], Row(tokens, 2));
    }

    [Fact]
    public void Padding_is_the_tokenizer_s()
    {
        using var scope = NewDisposeScope();
        var padded = new ClipTokenizer(Tokenizer.Vocabulary, Tokenizer.Merges, "!");
        using var encoder = new ClipTextEncoder(new ClipTextModel(Options).Initialize(new Generator(1)), padded);

        Assert.Equal([Tokenizer.StartId, Tokenizer.EndId, 0, 0, 0, 0], Row(encoder.Tokens([""]), 0));
    }

    [Fact]
    public void A_prompt_has_the_same_states_in_any_company()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        Tensor both = encoder.Encode(["a red car", ""]).Text;

        Assert.Equal([2, 6, 16], both.shape);
        Assert.False(both.requires_grad);
        Assert.True(Golden.RelativeError(encoder.Encode([""]).Text, both[1..]) < 1e-5);
    }

    [Fact]
    public void States_are_float32_whatever_the_precision()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder(), half = Encoder(bfloat16);
        Tensor states = half.Encode(["a red car"]).Text;

        Assert.Equal(ScalarType.Float32, states.dtype);
        Assert.True(Golden.RelativeError(encoder.Encode(["a red car"]).Text, states) < 0.05);
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        using ClipTextEncoder encoder = Encoder();
        Living.StaysConstant(() => encoder.Encode(["a red car", ""]).Dispose());
    }

    [Fact]
    public void A_tokenizer_of_another_model_is_refused()
    {
        using var model = new ClipTextModel(Options with { VocabSize = 400 }, new TensorOptions(Device: META));

        Assert.Throws<ArgumentException>(() => new ClipTextEncoder(model, Tokenizer));
    }

    private static ClipTextEncoder Encoder(ScalarType precision = ScalarType.Float32)
    {
        ClipTextModel model = new ClipTextModel(Options).Initialize(new Generator(1));
        model.to(precision);
        return new ClipTextEncoder(model, Tokenizer);
    }

    private static IEnumerable<int> Row(Tensor tokens, int row) => tokens[row].data<long>().Select(id => (int)id);
}

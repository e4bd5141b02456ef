using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

/// <summary>Weights and prompts of several windows. The windows of the tests hold four tokens.</summary>
public sealed class LongPromptTests
{
    private const int Positions = 6;

    private static readonly ClipTokenizer Tokenizer = ClipTokenizerTrainer.Train(["a red car", "a red cat"], 530);

    private static readonly ClipTextOptions Options = new()
    {
        VocabSize = 530,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = Positions,
        EosTokenId = Tokenizer.EndId,
        ProjectionDim = 12,
    };

    [Theory]
    [InlineData("")]
    [InlineData("a red car")]
    [InlineData("a red car a")]
    public void A_prompt_of_one_window_is_the_plain_one_to_the_bit(string prompt)
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();

        Assert.True(encoder.Encode([prompt]).Text.Equals(encoder.Run([prompt]).LastHiddenState));
    }

    [Fact]
    public void Weight_1_is_the_plain_encoding_to_the_bit()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();

        Assert.True(encoder.Encode(["a (red:1) car"]).Text.Equals(encoder.Run(["a red car"]).LastHiddenState));
    }

    [Theory]
    [InlineData("a (red:1.3) [car]", new[] { 1, 1.3, 1 / 1.1 })]
    [InlineData("(a red:0) car", new[] { 0.0, 0, 1 })]
    public void A_weight_moves_a_state_from_that_of_the_empty_prompt(string prompt, double[] weights)
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        Tensor plain = encoder.Run(["a red car"]).LastHiddenState, empty = encoder.Run([""]).LastHiddenState;
        Tensor weighted = encoder.Encode([prompt]).Text;

        for (int position = 0; position < Positions; position++)
        {
            float weight = position is >= 1 and <= 3 ? (float)weights[position - 1] : 1;
            Tensor expected = empty[0, position].Plus(plain[0, position].Minus(empty[0, position]).Times(weight));
            Assert.True(Golden.RelativeError(expected, weighted[0, position]) < 1e-5);
        }
    }

    [Fact]
    public void A_long_prompt_is_its_windows_one_after_another()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        ClipTextOutput parts = encoder.Run(["a red car a", "red cat"]);
        Conditioning whole = encoder.Encode(["a red car a red cat"]);

        Assert.Equal([1, 2 * Positions, 16], whole.Text.shape);
        Assert.Null(whole.TextMask);
        Assert.False(encoder.Truncates("a red car a red cat", out _));
        Assert.True(Golden.RelativeError(parts.LastHiddenState.flatten(0, 1), whole.Text[0]) < 1e-6);
    }

    [Fact]
    public void Behind_the_last_window_tokens_are_left_out_and_counted()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        string whole = string.Concat(Enumerable.Repeat("a red car a ", ClipTextEncoder.MostWindows));

        Assert.False(encoder.Truncates(whole, out _));
        Assert.True(encoder.Truncates(whole + "red cat", out int two));
        Assert.Equal(2, two);
        Assert.True(encoder.Encode([whole]).Text.Equals(encoder.Encode([whole + "red cat"]).Text));
    }

    [Fact]
    public void Prompts_of_other_lengths_are_filled_up_and_masked()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        Conditioning both = encoder.Encode(["a red car a red cat", "a red car"]);

        Assert.Equal([2, 2 * Positions, 16], both.Text.shape);
        Assert.Equal([2 * Positions, Positions], both.TextMask!.sum(1).data<float>().Select(sum => (int)sum));
        Assert.True(Golden.RelativeError(encoder.Encode(["a red car"]).Text[0], both.Text[1].narrow(0, 0, Positions)) < 1e-5);
    }

    [Fact]
    public void What_a_network_predicts_does_not_depend_on_how_long_other_prompts_are()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder encoder = Encoder();
        using UNet2DConditionModel unet = new UNet2DConditionModel(TinyModel.UNet).Initialize(new Generator(3));
        using IDisposable _ = no_grad();
        Tensor x = randn([1, 4, 4, 4], generator: new Generator(5)), t = tensor([500f]);
        Conditioning shorter = encoder.Encode(["a red car"]), longer = encoder.Encode(["a (red:1.5) car a red cat"]);
        Tensor both = unet.Predict(cat([x, x], 0), cat([t, t], 0), Conditioning.Concatenate(shorter, longer));

        Assert.True(Golden.RelativeError(unet.Predict(x, t, shorter), both[..1]) < 1e-5);
        Assert.True(Golden.RelativeError(unet.Predict(x, t, longer), both[1..]) < 1e-5);
    }

    [Fact]
    public void Both_encoders_of_sdxl_give_as_many_windows()
    {
        using var scope = NewDisposeScope();
        using ClipTextEncoder first = Encoder(), second = Encoder();
        var encoder = new StableDiffusionXLTextEncoder(first, second, emptyIsZero: true);
        Conditioning rows = encoder.Encode(["a red car a (red:1.2) cat", ""]);
        ClipTextOutput window = second.Run(["a red car a"]);

        Assert.Equal([2, 2 * Positions, 32], rows.Text.shape);
        Assert.True(Golden.RelativeError(window.PenultimateHiddenState[0], rows.Text[0].narrow(0, 0, Positions).narrow(1, 16, 16)) < 1e-5);
        Assert.True(Golden.RelativeError(window.TextEmbeddings!, rows.PooledText![..1]) < 1e-5);
        Assert.Equal(0, rows.Text[1].abs().sum().item<float>());
        Assert.Equal(0, rows.PooledText[1].abs().sum().item<float>());
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        using ClipTextEncoder encoder = Encoder();
        Living.StaysConstant(() => encoder.Encode(["a (red:1.3) car a red cat", ""]).Dispose());
    }

    [Fact]
    public void What_belongs_together_is_not_cut()
    {
        static IReadOnlyList<ClipToken> Piece(int tokens) => [.. Enumerable.Repeat(new ClipToken(tokens, 1), tokens)];
        IEnumerable<int> Cut(params int[] pieces) => ClipWindow.Cut(pieces.Select(Piece), 4).Select(window => window.Count);

        Assert.Equal([0], Cut());
        Assert.Equal([4], Cut(1, 1, 2));
        Assert.Equal([3, 3], Cut(3, 3));
        Assert.Equal([4, 2], Cut(1, 5));
    }

    private static ClipTextEncoder Encoder() => new(new ClipTextModel(Options).Initialize(new Generator(1)), Tokenizer);
}

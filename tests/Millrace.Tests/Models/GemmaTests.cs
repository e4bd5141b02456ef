using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

/// <summary>What a causal language model as a text encoder holds to, and its tokenizer.</summary>
public sealed class GemmaTests : IDisposable
{
    private static readonly GemmaOptions Options = new() { VocabSize = 300, HiddenSize = 16, IntermediateSize = 24, NumHiddenLayers = 3, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 6 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_token_sees_those_before_it_alone()
    {
        using var scope = NewDisposeScope();
        using GemmaModel model = new GemmaModel(Options).Initialize(new Generator(1));
        Tensor tokens = randint(0, 300, [2, 7], dtype: int64, generator: new Generator(2)), changed = tokens.clone();
        changed[.., 5] = tokens[.., 5].TakenFrom(299);
        Tensor before = model.Penultimate(tokens), after = model.Penultimate(changed);

        Assert.True(Golden.RelativeError(before[.., ..5], after[.., ..5]) < 1e-6);
        Assert.True(Golden.RelativeError(before[.., 5..], after[.., 5..]) > 1e-3);
        Assert.True(Golden.RelativeError(before[..1], model.Penultimate(tokens[..1])) < 1e-5);
        Assert.Equal([2, 7, 16], model.call(tokens).shape);
        Assert.Throws<ArgumentException>("tokens", () => model.call(tokens.to(int32)));
        Living.StaysConstant(() => model.Penultimate(tokens).Dispose(), repeats: 3);
    }

    [Fact]
    public void It_depends_on_distances_not_on_places()
    {
        using var scope = NewDisposeScope();
        using GemmaModel model = new GemmaModel(Options with { NumHiddenLayers = 2 }).Initialize(new Generator(1));

        // Of equal tokens every attention gives their common value, wherever they stand; of a pair, only the distance counts.
        Tensor same = model.Penultimate(TensorArithmetic.Filled(7, null, 1, 6).to(int64));
        Assert.True(Golden.RelativeError(same[.., ..1].expand_as(same), same) < 1e-5);
        Assert.True(Golden.RelativeError(model.Penultimate(tensor([3L, 5, 3], [1, 3]))[.., 2], model.Penultimate(tensor([5L, 3, 3], [1, 3]))[.., 2]) > 1e-6);
    }

    [Theory]
    [InlineData("a red car", "a \u2581red \u2581car")]
    [InlineData("red car", "red \u2581car")]
    [InlineData("", "")]
    [InlineData("a  cat", "a \u2581 \u2581 ca t")]
    [InlineData("\u00e9x", "<0xC3> <0xA9> <0x78>")]
    public void Words_are_merged_and_the_rest_is_spelled_in_bytes(string text, string pieces)
    {
        var tokenizer = GemmaTokenizer.LoadFolder(TinyFolders.GemmaTokenizer(_folder.Path));
        string[] known = [.. System.Text.Json.JsonDocument.Parse(File.ReadAllText(_folder.File("tokenizer.json"))).RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().Select(entry => entry.Name)];
        Assert.Equal(pieces.Split(' ', StringSplitOptions.RemoveEmptyEntries), tokenizer.Tokenize(text).Select(id => known[id]));
    }

    [Fact]
    public void Padding_changes_nothing_and_long_prompts_are_cut()
    {
        using var scope = NewDisposeScope();
        using GemmaModel model = new GemmaModel(Options).Initialize(new Generator(1));
        var tokenizer = GemmaTokenizer.LoadFolder(TinyFolders.GemmaTokenizer(_folder.Path));
        GemmaTextEncoder narrow = new(model, tokenizer, 4), wide = new(model, tokenizer, 9);

        Assert.True(Golden.RelativeError(narrow.Encode(["a red car"]).Text, wide.Encode(["a red car"]).Text[.., ..4]) < 1e-5);
        Assert.Equal([1f, 1, 1, 1, 0, 0, 0, 0, 0], wide.Encode(["a red car"]).TextMask!.data<float>().ToArray());
        Assert.True(narrow.Truncates("a red car car", out int left));
        Assert.Equal(1, left);
        Assert.False(narrow.Truncates("a red car", out _));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{ \"model\": { \"type\": \"Unigram\" } }")]
    [InlineData("{ \"model\": { \"type\": \"BPE\", \"vocab\": { \"a\": 0 }, \"merges\": [] } }")]
    [InlineData("{ \"model\": { \"type\": \"BPE\", \"vocab\": { \"a\": 0 }, \"merges\": [\"a\"] } }")]
    public void Another_file_is_refused(string content)
    {
        string path = _folder.Write("tokenizer.json", content);
        Assert.StartsWith($"{path}: it is not a byte-pair tokenizer of Gemma", Assert.Throws<InvalidDataException>(() => GemmaTokenizer.LoadFolder(_folder.Path)).Message, StringComparison.Ordinal);
    }
}

using System.Text.Json;
using CsCheck;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;

namespace Millrace.Tests.Models;

public sealed class ClipTokenizerTests
{
    private static readonly string[] Captions = ["a red car", "a red cat", "the cat sat on a mat", "ca ca cat cat cat"];

    private static readonly Lazy<ClipTokenizer> Trained = new(() => ClipTokenizerTrainer.Train(Captions, 540));

    private static ClipTokenizer Published => ClipTokenizer.LoadPublishedMerges(SharedData.Require("data/clip/bpe_simple_vocab_16e6.txt.gz"));

    [Fact]
    public void Agrees_with_the_reference()
    {
        ClipTokenizer tokenizer = Published;
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", "clip-text", "tokenizer-cases.json")));

        Assert.Equal((49406, 49407, 49407), (tokenizer.StartId, tokenizer.EndId, tokenizer.LargestId));
        Assert.All(cases.RootElement.EnumerateArray(), one => Assert.Equal(Ids(one), tokenizer.Tokenize(Text(one))));
    }

    [Theory]
    [InlineData("public")]
    [InlineData("computed")]
    public void Agrees_with_published_ids(string group)
    {
        ClipTokenizer tokenizer = Published;
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllText(SharedData.Require("data/clip/clip-token-vectors.json")));

        Assert.All(cases.RootElement.GetProperty(group).EnumerateArray(), one =>
            Assert.Equal(Ids(one), [tokenizer.StartId, .. tokenizer.Tokenize(Text(one)), tokenizer.EndId]));
    }

    [Fact]
    public void A_folder_holds_the_same_tokenizer()
    {
        using var folder = new TemporaryFolder();
        Trained.Value.SaveFolder(folder.Path);
        ClipTokenizer read = ClipTokenizer.LoadFolder(folder.Path);

        Assert.Equal(Trained.Value.Vocabulary, read.Vocabulary);
        Assert.Equal(Trained.Value.Merges, read.Merges);
        Assert.Equal(Trained.Value.PadId, read.PadId);
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{ \"pad_token\": \"!\" }", "!")]
    [InlineData("special_tokens_map.json", "{ \"pad_token\": { \"content\": \"!\", \"lstrip\": false } }", "!")]
    [InlineData("special_tokens_map.json", "{ \"pad_token\": \"<|endoftext|>\" }", "<|endoftext|>")]
    [InlineData("special_tokens_map.json", "{ }", "<|endoftext|>")]
    public void The_padding_token_is_the_one_that_the_folder_names(string file, string content, string padding)
    {
        using var folder = new TemporaryFolder();
        Trained.Value.SaveFolder(folder.Path);
        folder.Write(file, content);

        Assert.Equal(Trained.Value.Vocabulary[padding], ClipTokenizer.LoadFolder(folder.Path).PadId);
    }

    [Theory]
    [InlineData("vocab.json", "[]")]
    [InlineData("vocab.json", "not json")]
    [InlineData("vocab.json", "{ \"a\": \"b\" }")]
    [InlineData("vocab.json", "{ \"a\": 1 }")]
    [InlineData("vocab.json", "null")]
    [InlineData("merges.txt", "#version: 0.2\na b c\n")]
    [InlineData("merges.txt", "#version: 0.2\nnosuch token\n")]
    [InlineData("tokenizer_config.json", "{ \"pad_token\": 1 }")]
    [InlineData("tokenizer_config.json", "{ \"pad_token\": { } }")]
    [InlineData("tokenizer_config.json", "{ \"pad_token\": \"nosuch\" }")]
    [InlineData("tokenizer_config.json", "[]")]
    public void A_broken_file_is_refused_by_name(string file, string content)
    {
        using var folder = new TemporaryFolder();
        Trained.Value.SaveFolder(folder.Path);
        folder.Write(file, content);

        Assert.Contains(folder.Path, Assert.Throws<InvalidDataException>(() => ClipTokenizer.LoadFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_or_broken_archive_of_merges_is_refused()
    {
        using var folder = new TemporaryFolder();

        Assert.Throws<FileNotFoundException>(() => ClipTokenizer.LoadPublishedMerges(folder.File("nosuch.txt.gz")));
        Assert.Throws<InvalidDataException>(() => ClipTokenizer.LoadPublishedMerges(folder.Write("merges.txt.gz", "this is no archive")));
        Assert.Throws<FileNotFoundException>(() => ClipTokenizer.LoadFolder(folder.Path));
    }

    [Fact]
    public void Merges_as_the_plain_algorithm_does() => Gen.String[Gen.Char["abcdert _!çé"], 0, 60].Sample(
        text => Assert.Equal(Naive(Trained.Value, text), Trained.Value.Tokenize(text)), iter: 2000);

    [Fact]
    public void Any_text_has_tokens_that_spell_it() => Gen.String.Sample(text =>
    {
        Dictionary<int, string> tokens = Trained.Value.Vocabulary.ToDictionary(entry => entry.Value, entry => entry.Key);
        string spelled = string.Concat(Trained.Value.Tokenize(text).Select(id => tokens[id]));
        Assert.Equal(string.Concat(ClipWords.Split(text).SelectMany(ClipByteAlphabet.Spell)), spelled);
    });

    [Theory]
    [InlineData("Don't STOP", "don|'t|stop")]
    [InlineData("  8k\tuhd\n", "8|k|uhd")]
    [InlineData("a\u001cb\u00a0c\u3000d", "a|b|c|d")]
    [InlineData("ΟΔΟΣ ΣΟΣ", "οδος|σος")]
    [InlineData("𝓱𝓮𝓵𝓵𝓸 world", "𝓱𝓮𝓵𝓵𝓸|world")]
    [InlineData("!!<|endoftext|>x", "!!<||endoftext||>|x")]
    [InlineData("x<|endoftext|>!!", "x|<|endoftext|>|!!")]
    public void Cuts_text_into_words(string text, string words) => Assert.Equal(words, string.Join('|', ClipWords.Split(text)));

    [Fact]
    public void A_prompt_of_ten_thousand_letters_costs_little()
    {
        string text = string.Concat(Enumerable.Range(0, 10_000).Select(index => (char)('a' + (index * 7919 % 26))));
        ClipTokenizer tokenizer = ClipTokenizerTrainer.Train([text[..2000]], 2000);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();

        Assert.NotEmpty(tokenizer.Tokenize(text));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void The_trainer_learns_the_most_frequent_pairs_first()
    {
        ClipTokenizer tokenizer = Trained.Value;

        Assert.Equal(("a", "t</w>"), tokenizer.Merges[0]);
        Assert.Equal(("c", "at</w>"), tokenizer.Merges[1]);
        Assert.Single(tokenizer.Tokenize("cat"));
        Assert.True(tokenizer.Vocabulary.Count <= 540);
        Assert.Equal(tokenizer.Vocabulary.Count - 2, tokenizer.StartId);
        Assert.Throws<ArgumentOutOfRangeException>(() => ClipTokenizerTrainer.Train(Captions, 514));
    }

    [Fact]
    public void The_trainer_stops_where_nothing_is_left_to_merge() =>
        Assert.Equal(514 + 1, ClipTokenizerTrainer.Train(["ab ab"], 2000).Vocabulary.Count);

    /// <summary>The published algorithm, word for word: find the pair of the lowest rank, merge it everywhere, repeat.</summary>
    private static List<int> Naive(ClipTokenizer tokenizer, string text)
    {
        var ids = new List<int>();
        foreach (string word in ClipWords.Split(text))
        {
            List<string> symbols = [.. ClipByteAlphabet.Spell(word)];
            while (symbols.Zip(symbols.Skip(1)).Select(pair => tokenizer.Merges.ToList().IndexOf(pair)).Where(rank => rank >= 0).DefaultIfEmpty(-1).Min() is >= 0 and var best)
            {
                (string left, string right) = tokenizer.Merges[best];
                for (int index = 0; index + 1 < symbols.Count; index++)
                {
                    if (symbols[index] == left && symbols[index + 1] == right)
                    {
                        symbols[index] += right;
                        symbols.RemoveAt(index + 1);
                    }
                }
            }

            ids.AddRange(symbols.Select(symbol => tokenizer.Vocabulary[symbol]));
        }

        return ids;
    }

    private static string Text(JsonElement one) => one.GetProperty("text").GetString()!;

    private static IEnumerable<int> Ids(JsonElement one) => one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32());
}

using System.Text.Json;
using Millrace.Models.TextEncoders;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A CLIP text encoder: its hidden states, and where the fixture has them, texts with their token ids.</summary>
internal sealed class ClipTextFixture(string className) : NetworkFixture(
    className, ["input_ids"], ["last_hidden_state", "penultimate_hidden_state", "pooled", "text_embeds"])
{
    private const string TokenizerCases = "tokenizer-cases.json";
    private const string PublishedMerges = "bpe_simple_vocab_16e6.txt.gz";

    public override IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document)
    {
        IEnumerable<FixtureCase> network = base.Cases(folder, document);
        return folder.Has(TokenizerCases)
            ? network.Append(new FixtureCase($"{folder.Label}/tokenizer", nameof(ClipTokenizer), () => [CompareTokens(folder)]))
            : network;
    }

    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using var network = new ClipTextModel(ReadConfig(folder, ClipTextConfig.Read));
        FixtureWeights.Load(network, folder);
        ClipTextOutput output = network.Encode(inputs["input_ids"]);
        return [output.LastHiddenState, output.PenultimateHiddenState, output.Pooled, output.TextEmbeddings];
    }

    /// <summary>The share of the texts whose ids differ.</summary>
    private static TensorComparison CompareTokens(FixtureFolder folder)
    {
        ClipTokenizer tokenizer = Tokenizer(folder);
        JsonElement[] cases = [.. folder.ReadJson(TokenizerCases, JsonValueKind.Array).EnumerateArray()];
        int different = cases.Count(one =>
            !tokenizer.Tokenize(one.GetProperty("text").GetString()!).SequenceEqual(one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())));
        return new TensorComparison("ids", (double)different / cases.Length);
    }

    /// <summary>The folder's own vocabulary, else the published one, in the folder, a folder above it, or the <c>data/clip</c> of one.</summary>
    private static ClipTokenizer Tokenizer(FixtureFolder folder)
    {
        if (folder.Has("vocab.json"))
        {
            return ClipTokenizer.LoadFolder(folder.Path);
        }

        for (DirectoryInfo? place = new(folder.Path); place is not null; place = place.Parent)
        {
            foreach (string path in new[] { Path.Combine(place.FullName, PublishedMerges), Path.Combine(place.FullName, "data", "clip", PublishedMerges) })
            {
                if (File.Exists(path))
                {
                    return ClipTokenizer.LoadPublishedMerges(path);
                }
            }
        }

        throw new NotSupportedException($"The tokenizer needs a vocabulary: put vocab.json and merges.txt, or the published {PublishedMerges}, beside it.");
    }
}

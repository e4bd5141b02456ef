using System.Text.Json.Nodes;
using Millrace.Files;
using Millrace.Models;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>Tokenizers, which no single file holds, from a folder that does.</summary>
internal static class TokenizerFiles
{
    private const string Vocabulary = "vocab.json", Merges = "merges.txt";

    private static readonly string[] SentencePieces = ["spiece.model", "tokenizer.json"];

    // Where a tokenizer says how it pads.
    private static readonly string[] Settings = ["tokenizer_config.json", "special_tokens_map.json"];

    /// <summary>Copies a tokenizer into a model folder.</summary>
    /// <param name="from">A model folder, or a folder with the files themselves.</param>
    /// <param name="part">Name of the tokenizer's folder.</param>
    /// <param name="form">Its kind.</param>
    /// <param name="model">The model folder.</param>
    /// <exception cref="InvalidDataException">Where there is no tokenizer of this kind.</exception>
    public static void Copy(string from, string part, TokenizerForm form, string model)
    {
        bool Holds(string folder) => form == TokenizerForm.T5
            ? SentencePieces.Any(file => File.Exists(Path.Combine(folder, file)))
            : File.Exists(Path.Combine(folder, Vocabulary)) && File.Exists(Path.Combine(folder, Merges));
        string source = new[] { part, "", "tokenizer", "tokenizer_2", "tokenizer_3" }.Select(name => Path.Combine(from, name)).FirstOrDefault(Holds)
            ?? throw new InvalidDataException($"'{from}' holds no {part}: it must hold {(form == TokenizerForm.T5 ? string.Join(" or ", SentencePieces) : $"{Vocabulary} and {Merges}")}, itself or in a folder of that name.");
        string target = Directory.CreateDirectory(Path.Combine(model, part)).FullName;
        void CopyAll(IEnumerable<string> files) => files.Where(file => File.Exists(Path.Combine(source, file))).ToList().ForEach(file => File.Copy(Path.Combine(source, file), Path.Combine(target, file)));
        CopyAll(form == TokenizerForm.T5 ? SentencePieces : [Vocabulary, Merges]);
        if (source == Path.Combine(from, part))
        {
            CopyAll(Settings);
        }
        else if (form != TokenizerForm.T5)
        {
            // The files of one CLIP are those of another, but for what they pad with.
            Dictionary<string, int> ids = JsonFile.Read<Dictionary<string, int>>(Path.Combine(source, Vocabulary), "one JSON object of token to id");
            int pad = form == TokenizerForm.OpenClip || ids.Count == 0 ? 0 : ids.Values.Max(); // The end of a text is the last token.
            ConfigFile.Write(Path.Combine(target, Settings[0]), new JsonObject
            {
                ["tokenizer_class"] = "CLIPTokenizer",
                ["pad_token"] = ids.FirstOrDefault(entry => entry.Value == pad).Key,
            });
        }
    }
}

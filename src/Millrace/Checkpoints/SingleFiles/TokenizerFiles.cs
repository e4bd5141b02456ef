using System.Text.Json.Nodes;
using Millrace.Files;
using Millrace.Models;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>Tokenizers, which no single file holds, from a folder that does.</summary>
internal static class TokenizerFiles
{
    private const string Vocabulary = "vocab.json", Merges = "merges.txt";

    private static readonly string[] SentencePieces = ["spiece.model", "tokenizer.json"];

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
        foreach (string file in (form == TokenizerForm.T5 ? SentencePieces : [Vocabulary, Merges]).Where(file => File.Exists(Path.Combine(source, file))))
        {
            File.Copy(Path.Combine(source, file), Path.Combine(target, file));
        }

        if (form != TokenizerForm.T5)
        {
            Dictionary<string, int> ids = JsonFile.Read<Dictionary<string, int>>(Path.Combine(source, Vocabulary), "one JSON object of token to id");
            int pad = form == TokenizerForm.OpenClip ? 0 : ids.Values.Max(); // The end of a text is the last token.
            ConfigFile.Write(Path.Combine(target, "tokenizer_config.json"), new JsonObject
            {
                ["tokenizer_class"] = "CLIPTokenizer",
                ["pad_token"] = ids.FirstOrDefault(entry => entry.Value == pad).Key,
            });
        }
    }
}

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>One network of a family: where it is in a single file, and in a folder.</summary>
internal sealed record PartForm
{
    /// <summary>Name of its folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Its class in <c>model_index.json</c>, with the library that the class is of.</summary>
    public required (string Library, string Name) Class { get; init; }

    /// <summary>What may stand before its names in a single file; the first is what is written.</summary>
    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>The names, from those of a single file.</summary>
    public required Func<NameSet, NameMap> OfSingle { get; init; }

    /// <summary>The names, from those of a folder.</summary>
    public required Func<NameSet, NameMap> OfFolder { get; init; }

    /// <summary>Writes <c>config.json</c> from the names and shapes in a folder.</summary>
    public required Action<string, NameSet> WriteConfig { get; init; }

    /// <summary>Name of the file of its weights.</summary>
    public string Weights { get; init; } = WeightFiles.Diffusers;

    /// <summary>The tokenizer of a text encoder; null for another network.</summary>
    public TokenizerForm? Tokenizer { get; init; }

    /// <summary>Folder of the tokenizer.</summary>
    public string TokenizerFolder => Folder.Replace("text_encoder", "tokenizer", StringComparison.Ordinal);

    /// <summary>Whether a model of the family may be without it.</summary>
    public bool Optional { get; init; }
}

/// <summary>Kinds of tokenizers, of which no single file holds one.</summary>
internal enum TokenizerForm
{
    /// <summary>CLIP, padded with its end.</summary>
    Clip,

    /// <summary>CLIP as OpenCLIP uses it, padded with id 0.</summary>
    OpenClip,

    /// <summary>SentencePiece.</summary>
    T5,
}

namespace Millrace.Models.TextEncoders;

/// <summary>What a unigram tokenizer of SentencePiece is made of.</summary>
/// <param name="Pieces">Each piece with its logarithm of probability and its kind; the index is the id.</param>
/// <param name="UnknownId">Id of what no piece covers.</param>
internal sealed record SentencePieceModel(IReadOnlyList<SentencePiece> Pieces, int UnknownId)
{
    /// <summary>Replacements made first; null for none.</summary>
    public SentencePieceCharacterMap? CharacterMap { get; init; }

    /// <summary>Whether a space is put before the text.</summary>
    public bool AddsPrefix { get; init; } = true;

    /// <summary>Whether spaces at both ends go, and runs of them become one.</summary>
    public bool FoldsSpaces { get; init; } = true;
}

/// <summary>One piece of text.</summary>
internal readonly record struct SentencePiece(string Text, float Score, SentencePieceKind Kind);

/// <summary>What a piece is for; the values are those of the file.</summary>
internal enum SentencePieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

using System.Text;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// The tokenizer of T5: the most probable cut of a text into pieces whose probabilities are independent (Kudo 2018, arXiv 1804.10959;
/// SentencePiece, arXiv 1808.06226). Any text has tokens.
/// </summary>
public sealed class T5Tokenizer
{
    private const string Space = "\u2581";

    // What a character that no piece covers costs below the least probable piece.
    private const float UnknownPenalty = 10;

    // What makes a piece that the user defined win over any other cut.
    private const float UserDefinedDiscount = 0.1f;

    private readonly SentencePieceModel _model;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly float[] _scores;
    private readonly float _unknownScore;
    private readonly int _longest;

    private T5Tokenizer(SentencePieceModel model)
    {
        _model = model;
        SentencePiece[] normal = [.. model.Pieces.Where(piece => piece.Kind == SentencePieceKind.Normal)];
        if (normal.Length == 0 || normal.Any(piece => !float.IsFinite(piece.Score)))
        {
            throw new InvalidDataException("The tokenizer must hold pieces of text, each with a finite score.");
        }

        float best = normal.Max(piece => piece.Score);
        _unknownScore = normal.Min(piece => piece.Score) - UnknownPenalty;
        _scores = [.. model.Pieces.Select(piece => piece.Kind == SentencePieceKind.UserDefined ? (piece.Text.Length * best) - UserDefinedDiscount : piece.Score)];
        for (int id = 0; id < model.Pieces.Count; id++)
        {
            if (model.Pieces[id] is { Kind: SentencePieceKind.Normal or SentencePieceKind.UserDefined, Text.Length: > 0 } piece)
            {
                _ids.TryAdd(piece.Text, id);
                _longest = Math.Max(_longest, piece.Text.Length);
            }
        }

        EndId = IdOf("</s>");
        PadId = IdOf("<pad>");
    }

    /// <summary>Id that closes every text.</summary>
    public int EndId { get; }

    /// <summary>Id that fills the positions after the end.</summary>
    public int PadId { get; }

    /// <summary>Id of a character that no piece covers.</summary>
    public int UnknownId => _model.UnknownId;

    /// <summary>The largest id.</summary>
    public int LargestId => _model.Pieces.Count - 1;

    /// <summary>Reads the <c>spiece.model</c> of a folder, else its <c>tokenizer.json</c>.</summary>
    /// <exception cref="InvalidDataException">Where there is neither, or the file is not what it should be; names it.</exception>
    public static T5Tokenizer LoadFolder(string folder)
    {
        string? path = new[] { "spiece.model", "tokenizer.json" }.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return path is null ? throw new InvalidDataException($"'{folder}' holds no tokenizer: it must hold spiece.model or tokenizer.json.") : Load(path);
    }

    /// <summary>Reads a <c>spiece.model</c> or a <c>tokenizer.json</c>.</summary>
    /// <exception cref="InvalidDataException">Where the file is not what it should be; names it.</exception>
    public static T5Tokenizer Load(string path)
    {
        SentencePieceModel model = SentencePieceFile.Read(path);
        try
        {
            return new T5Tokenizer(model);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>The ids of a text, without the end.</summary>
    public IReadOnlyList<int> Tokenize(string text)
    {
        string prepared = Prepare(text);
        int length = prepared.Length;
        var best = new (float Score, int Start, int Id)[length + 1];
        Array.Fill(best, (float.NegativeInfinity, -1, -1));
        best[0] = (0, -1, -1);
        for (int start = 0; start < length;)
        {
            _ = Rune.DecodeFromUtf16(prepared.AsSpan(start), out _, out int character);
            bool covered = false;
            for (int end = start + 1; end <= Math.Min(length, start + _longest); end++)
            {
                if (_ids.TryGetValue(prepared[start..end], out int id))
                {
                    covered |= end - start == character;
                    Offer(best, start, end, best[start].Score + _scores[id], id);
                }
            }

            if (!covered)
            {
                Offer(best, start, start + character, best[start].Score + _unknownScore, UnknownId);
            }

            start += character;
        }

        var ids = new List<int>();
        for (int end = length; end > 0; end = best[end].Start)
        {
            // A run of unknown characters is one token.
            if (best[end].Id != UnknownId || ids.Count == 0 || ids[^1] != UnknownId)
            {
                ids.Add(best[end].Id);
            }
        }

        ids.Reverse();
        return ids;
    }

    private static void Offer((float Score, int Start, int Id)[] best, int start, int end, float score, int id)
    {
        if (score > best[end].Score)
        {
            best[end] = (score, start, id);
        }
    }

    private string Prepare(string text)
    {
        string mapped = _model.CharacterMap?.Apply(text) ?? text;
        if (_model.FoldsSpaces)
        {
            mapped = string.Join(' ', mapped.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }

        return mapped.Length == 0 ? "" : (_model.AddsPrefix ? Space : "") + mapped.Replace(" ", Space, StringComparison.Ordinal);
    }

    private int IdOf(string token)
    {
        for (int id = 0; id < _model.Pieces.Count; id++)
        {
            if (_model.Pieces[id].Text == token)
            {
                return id;
            }
        }

        throw new InvalidDataException($"The tokenizer lacks '{token}'.");
    }
}

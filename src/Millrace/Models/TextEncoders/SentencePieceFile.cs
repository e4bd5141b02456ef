using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Millrace.Files;

namespace Millrace.Models.TextEncoders;

/// <summary>Reads unigram tokenizers: the <c>spiece.model</c> of SentencePiece (protocol buffers) and the <c>tokenizer.json</c> of the tokenizers library.</summary>
internal static class SentencePieceFile
{
    private const int Unigram = 1;

    /// <exception cref="InvalidDataException">Where the file is not such a model; names it.</exception>
    public static SentencePieceModel Read(string path)
    {
        try
        {
            return Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase) ? ReadJson(path) : ReadProtobuf(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is InvalidDataException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException or ArgumentException)
        {
            throw new InvalidDataException($"{path}: it is not a unigram tokenizer of SentencePiece: {error.Message}", error);
        }
    }

    private static SentencePieceModel ReadProtobuf(ReadOnlySpan<byte> file)
    {
        var pieces = new List<SentencePiece>();
        var model = new SentencePieceModel(pieces, UnknownId: -1);
        while (Next(ref file, out int field, out ulong number, out ReadOnlySpan<byte> body))
        {
            switch (field)
            {
                case 1:
                    pieces.Add(ReadPiece(body));
                    break;
                case 2:
                    CheckKind(body);
                    break;
                case 3:
                    model = ReadNormalizer(body, model);
                    break;
            }
        }

        int unknown = pieces.FindIndex(piece => piece.Kind == SentencePieceKind.Unknown);
        return unknown >= 0 ? model with { UnknownId = unknown } : throw new InvalidDataException("No piece stands for what is unknown.");
    }

    private static SentencePiece ReadPiece(ReadOnlySpan<byte> message)
    {
        (string text, float score, SentencePieceKind kind) = ("", 0, SentencePieceKind.Normal);
        while (Next(ref message, out int field, out ulong number, out ReadOnlySpan<byte> body))
        {
            (text, score, kind) = field switch
            {
                1 => (Encoding.UTF8.GetString(body), score, kind),
                2 => (text, BitConverter.UInt32BitsToSingle((uint)number), kind),
                3 => (text, score, (SentencePieceKind)number),
                _ => (text, score, kind),
            };
        }

        return new SentencePiece(text, score, kind);
    }

    private static void CheckKind(ReadOnlySpan<byte> trainer)
    {
        while (Next(ref trainer, out int field, out ulong number, out _))
        {
            if (field == 3 && number != Unigram)
            {
                throw new InvalidDataException($"Its kind is {number}, but must be {Unigram}, unigram.");
            }
        }
    }

    private static SentencePieceModel ReadNormalizer(ReadOnlySpan<byte> message, SentencePieceModel model)
    {
        while (Next(ref message, out int field, out ulong number, out ReadOnlySpan<byte> body))
        {
            model = field switch
            {
                2 when body.Length > 0 => model with { CharacterMap = new SentencePieceCharacterMap(body) },
                3 => model with { AddsPrefix = number != 0 },
                4 => model with { FoldsSpaces = number != 0 },
                _ => model,
            };
        }

        return model;
    }

    /// <summary>One field of a message: a number, or the bytes of a string or an inner message.</summary>
    private static bool Next(ref ReadOnlySpan<byte> message, out int field, out ulong number, out ReadOnlySpan<byte> body)
    {
        (field, number) = (0, 0);
        body = default;
        if (message.IsEmpty)
        {
            return false;
        }

        ulong key = Varint(ref message);
        field = (int)(key >> 3);
        switch (key & 7)
        {
            case 0:
                number = Varint(ref message);
                break;
            case 1:
                number = BinaryPrimitives.ReadUInt64LittleEndian(message);
                message = message[8..];
                break;
            case 2:
                int length = checked((int)Math.Min(Varint(ref message), int.MaxValue));
                body = message[..length];
                message = message[length..];
                break;
            case 5:
                number = BinaryPrimitives.ReadUInt32LittleEndian(message);
                message = message[4..];
                break;
            default:
                throw new InvalidDataException("A field has a type that protocol buffers do not have.");
        }

        return true;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = message[0];
            message = message[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A number does not end.");
    }

    private static SentencePieceModel ReadJson(string path)
    {
        JsonElement root = JsonFile.Read<JsonElement>(path, "one JSON object");
        JsonElement model = root.GetProperty("model");
        if (model.TryGetProperty("type", out JsonElement type) && type.GetString() != "Unigram")
        {
            throw new InvalidDataException($"Its kind is {type}, but must be Unigram.");
        }

        int unknown = model.GetProperty("unk_id").GetInt32();
        HashSet<string> special = root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array
            ? [.. added.EnumerateArray().Where(token => token.GetProperty("special").GetBoolean()).Select(token => token.GetProperty("content").GetString()!)]
            : [];
        SentencePiece[] pieces = [.. model.GetProperty("vocab").EnumerateArray().Select((entry, id) =>
        {
            string text = entry[0].GetString()!;
            SentencePieceKind kind = id == unknown ? SentencePieceKind.Unknown : special.Contains(text) ? SentencePieceKind.Control : SentencePieceKind.Normal;
            return new SentencePiece(text, entry[1].GetSingle(), kind);
        })];
        return unknown >= 0 && unknown < pieces.Length
            ? new SentencePieceModel(pieces, unknown) { CharacterMap = ReadCharacterMap(root) }
            : throw new InvalidDataException($"The unknown piece is {unknown}, but there are {pieces.Length} pieces.");
    }

    private static SentencePieceCharacterMap? ReadCharacterMap(JsonElement root)
    {
        if (!root.TryGetProperty("normalizer", out JsonElement normalizer) || normalizer.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        IEnumerable<JsonElement> steps = normalizer.TryGetProperty("normalizers", out JsonElement list) ? list.EnumerateArray() : [normalizer];
        foreach (JsonElement step in steps)
        {
            if (step.TryGetProperty("precompiled_charsmap", out JsonElement map) && map.ValueKind == JsonValueKind.String)
            {
                return new SentencePieceCharacterMap(map.GetBytesFromBase64());
            }
        }

        return null;
    }
}

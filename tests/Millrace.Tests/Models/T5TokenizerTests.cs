using System.Text;
using System.Text.Json.Nodes;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Cli;

namespace Millrace.Tests.Models;

/// <summary>The unigram tokenizer over a vocabulary of our own, in both kinds of file, against cases worked out by hand and a search through every cut.</summary>
public sealed class T5TokenizerTests
{
    private const int Unknown = 2;

    private static readonly (string Text, float Score, int Kind)[] Pieces =
    [
        ("<pad>", 0, 3), ("</s>", 0, 3), ("<unk>", 0, 2), ("\u2581", -2, 1), ("\u2581a", -2.5f, 1), ("\u2581red", -4, 1), ("\u2581car", -5, 1),
        ("r", -6, 1), ("e", -6, 1), ("d", -6.5f, 1), ("c", -7, 1), ("a", -5.5f, 1), ("t", -6, 1), ("ca", -6.2f, 1), ("ar", -6.1f, 1),
        ("s", -5, 1), ("\u00e9", -8, 1), ("\U0001F600", -9, 1), ("\u2581cat", -30, 1), ("fi", -7.5f, 1),
    ];

    public static TheoryData<string, int[]> Cases => new()
    {
        { "", [] },
        { "   ", [] },
        { "a red car", [4, 5, 6] },
        { "  a   red car  ", [4, 5, 6] },
        { "red cars", [5, 6, 15] },
        { "cat", [3, 13, 12] },
        { "A car", [3, Unknown, 6] },
        { "xyz car", [3, Unknown, 6] },
        { "a\u00e9", [4, 16] },
        { "a \U0001F600", [4, 3, 17] },
        { "\ufb01", [3, 19] },
        { "a\u4e2da", [4, Unknown, 11] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Cuts_as_worked_out_by_hand_from_both_kinds_of_file(string text, int[] ids)
    {
        using var folder = new TemporaryFolder();
        foreach (T5Tokenizer tokenizer in new[] { FromProtobuf(folder), FromJson(folder) })
        {
            Assert.Equal(ids, tokenizer.Tokenize(text));
            Assert.Equal((1, 0, 2), (tokenizer.EndId, tokenizer.PadId, tokenizer.UnknownId));
        }
    }

    [Fact]
    public void The_cut_is_the_best_of_all()
    {
        using var folder = new TemporaryFolder();
        T5Tokenizer tokenizer = FromProtobuf(folder);
        var random = new Random(1);
        for (int trial = 0; trial < 200; trial++)
        {
            string text = new([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => "redcatsx "[random.Next(9)])]);
            string prepared = "\u2581" + string.Join('\u2581', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            if (prepared.Length > 1)
            {
                Assert.Equal(Best(prepared).Score, Score(tokenizer.Tokenize(text), prepared), 3);
            }
        }
    }

    [Theory]
    [InlineData("spiece.model", "")]
    [InlineData("spiece.model", "not a model")]
    [InlineData("tokenizer.json", "{}")]
    [InlineData("tokenizer.json", "{\"model\": {\"type\": \"BPE\"}}")]
    public void A_file_of_another_kind_is_refused_by_name(string name, string content)
    {
        using var folder = new TemporaryFolder();
        folder.Write(name, content);
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => T5Tokenizer.LoadFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_file_that_is_cut_off_is_refused_or_read()
    {
        using var folder = new TemporaryFolder();
        _ = FromProtobuf(folder);
        byte[] whole = File.ReadAllBytes(folder.File("spiece.model"));
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(folder.File("spiece.model"), whole[..length]);
            try
            {
                _ = T5Tokenizer.LoadFolder(folder.Path).Tokenize("a red \ufb01");
            }
            catch (InvalidDataException error)
            {
                Assert.Contains("spiece.model", error.Message, StringComparison.Ordinal);
            }
        }
    }

    private static T5Tokenizer FromProtobuf(TemporaryFolder folder)
    {
        var file = new MemoryStream();
        foreach ((string text, float score, int kind) in Pieces)
        {
            var piece = new MemoryStream();
            Field(piece, 1, Encoding.UTF8.GetBytes(text));
            piece.WriteByte((2 << 3) | 5);
            piece.Write(BitConverter.GetBytes(score));
            piece.WriteByte(3 << 3);
            piece.WriteByte((byte)kind);
            Field(file, 1, piece.ToArray());
        }

        Field(file, 2, [3 << 3, 1]);
        var normalizer = new MemoryStream();
        Field(normalizer, 2, CharacterMap());
        Field(file, 3, normalizer.ToArray());
        File.WriteAllBytes(folder.File("spiece.model"), file.ToArray());
        return T5Tokenizer.Load(folder.File("spiece.model"));
    }

    private static T5Tokenizer FromJson(TemporaryFolder folder)
    {
        folder.Write("tokenizer.json", new JsonObject
        {
            ["added_tokens"] = new JsonArray([.. Pieces.Take(2).Select(piece => new JsonObject { ["content"] = piece.Text, ["special"] = true })]),
            ["normalizer"] = new JsonObject { ["type"] = "Precompiled", ["precompiled_charsmap"] = Convert.ToBase64String(CharacterMap()) },
            ["model"] = new JsonObject
            {
                ["type"] = "Unigram",
                ["unk_id"] = Unknown,
                ["vocab"] = new JsonArray([.. Pieces.Select(piece => new JsonArray(piece.Text, piece.Score))]),
            },
        }.ToJsonString());
        return T5Tokenizer.Load(folder.File("tokenizer.json"));
    }

    // A trie that maps the ligature fi, three bytes, to its two letters: each byte leads to the unit at the offset xor the byte.
    private static byte[] CharacterMap()
    {
        uint[] trie = new uint[1024];
        byte[] key = Encoding.UTF8.GetBytes("\ufb01");
        uint Link(uint from, uint to) => (from ^ to) << 10;
        trie[0] = Link(0, 256);
        uint first = 256u ^ key[0];
        trie[first] = Link(first, 512) | key[0];
        uint second = 512u ^ key[1];
        trie[second] = Link(second, 768) | key[1];
        uint third = 768u ^ key[2];
        trie[third] = Link(third, 300) | 0x100 | key[2];
        trie[300] = 0x80000000;
        byte[] units = new byte[trie.Length * 4];
        Buffer.BlockCopy(trie, 0, units, 0, units.Length);
        return [.. BitConverter.GetBytes(units.Length), .. units, (byte)'f', (byte)'i', 0];
    }

    private static void Field(MemoryStream stream, int field, byte[] body)
    {
        stream.WriteByte((byte)((field << 3) | 2));
        int length = body.Length;
        for (; length >= 0x80; length >>= 7)
        {
            stream.WriteByte((byte)(length | 0x80));
        }

        stream.WriteByte((byte)length);
        stream.Write(body);
    }

    private static (float Score, int Count) Best(string text)
    {
        if (text.Length == 0)
        {
            return (0, 0);
        }

        (float Score, int Count) best = (float.NegativeInfinity, 0);
        for (int length = 1; length <= text.Length; length++)
        {
            float own = Pieces.Where(piece => piece.Kind == 1 && piece.Text == text[..length]).Select(piece => piece.Score).FirstOrDefault(float.NegativeInfinity);
            own = length == 1 && float.IsNegativeInfinity(own) ? -40 : own;
            (float rest, int count) = Best(text[length..]);
            best = own + rest > best.Score ? (own + rest, count + 1) : best;
        }

        return best;
    }

    // A run of unknown characters is one token, so their number is what the other tokens leave over.
    private static float Score(IReadOnlyList<int> ids, string prepared)
    {
        int known = ids.Where(id => id != Unknown).Sum(id => Pieces[id].Text.Length);
        return ids.Where(id => id != Unknown).Sum(id => Pieces[id].Score) + ((prepared.Length - known) * -40);
    }
}

using System.Globalization;
using System.Net;
using System.Text;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// Cuts text into the words that CLIP's byte pairs are merged in: HTML characters unescaped twice, white space folded, lower case;
/// then runs of letters, single digits, English contractions, and runs of anything else.
/// </summary>
internal static class ClipWords
{
    public const string Start = "<|startoftext|>";
    public const string End = "<|endoftext|>";

    private static readonly string[] Fixed = [Start, End, "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    public static IEnumerable<string> Split(string text)
    {
        string clean = Lower(WebUtility.HtmlDecode(WebUtility.HtmlDecode(text)));
        for (int start = 0; start < clean.Length;)
        {
            int end = EndOfWord(clean, start, out bool space);
            if (!space)
            {
                yield return clean[start..end];
            }

            start = end;
        }
    }

    private static int EndOfWord(string text, int start, out bool space)
    {
        space = false;
        if (Fixed.FirstOrDefault(word => string.CompareOrdinal(text, start, word, 0, word.Length) == 0) is { } found)
        {
            return start + found.Length;
        }

        Kind kind = KindAt(text, start, out int length);
        space = kind == Kind.Space;
        int end = start + length;
        while (kind != Kind.Number && end < text.Length && KindAt(text, end, out length) == kind)
        {
            end += length;
        }

        return end;
    }

    private static Kind KindAt(string text, int index, out int length)
    {
        _ = Rune.DecodeFromUtf16(text.AsSpan(index), out Rune rune, out length);
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1c and <= 0x1f ? Kind.Space : Kind.Other,
        };
    }

    /// <summary>Full lower case: beyond the invariant mapping, a dotted capital I has two characters and a sigma at a word's end is final.</summary>
    private static string Lower(string text)
    {
        text = text.Replace("İ", "i̇", StringComparison.Ordinal);
        var lower = new StringBuilder(text.ToLowerInvariant());
        for (int index = text.IndexOf('Σ'); index >= 0; index = text.IndexOf('Σ', index + 1))
        {
            _ = Rune.DecodeLastFromUtf16(text.AsSpan(0, index), out Rune before, out _);
            _ = Rune.DecodeFromUtf16(text.AsSpan(index + 1), out Rune after, out _);
            (bool follows, bool leads) = (HasCase(before), HasCase(after));
            lower[index] = follows && !leads ? 'ς' : 'σ';
        }

        return lower.ToString();
    }

    private static bool HasCase(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;
}

using System.Text;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// The printable characters that stand for the 256 bytes in a byte-pair vocabulary: printable Latin-1 stands for itself, the
/// rest for the characters from U+0100 on (Radford et al. 2019, GPT-2).
/// </summary>
internal static class ClipByteAlphabet
{
    /// <summary>Behind the last symbol of a word.</summary>
    public const string WordEnd = "</w>";

    private static readonly string[] Symbols = new string[256];

    static ClipByteAlphabet()
    {
        int[] printable = [.. Enumerable.Range('!', '~' - '!' + 1), .. Enumerable.Range('¡', '¬' - '¡' + 1), .. Enumerable.Range('®', 'ÿ' - '®' + 1)];
        int[] rest = [.. Enumerable.Range(0, 256).Except(printable)];
        foreach (int value in printable)
        {
            Symbols[value] = ((char)value).ToString();
        }

        for (int index = 0; index < rest.Length; index++)
        {
            Symbols[rest[index]] = ((char)(256 + index)).ToString();
        }

        string[] ordered = [.. printable.Concat(rest).Select(value => Symbols[value])];
        Tokens = [.. ordered, .. ordered.Select(symbol => symbol + WordEnd)];
    }

    /// <summary>The 512 tokens that open a vocabulary, in its order: the bytes, then the bytes at a word's end.</summary>
    public static IReadOnlyList<string> Tokens { get; }

    /// <summary>One symbol a byte of the UTF-8 form of <paramref name="word"/>, the last one with the end-of-word mark.</summary>
    public static string[] Spell(string word)
    {
        string[] symbols = [.. Encoding.UTF8.GetBytes(word).Select(value => Symbols[value])];
        symbols[^1] += WordEnd;
        return symbols;
    }
}

using System.Text;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// The printable characters that stand for the 256 bytes in a byte-pair vocabulary: printable Latin-1 stands for itself, the
/// rest for the characters from U+0100 on (Radford et al. 2019, GPT-2).
/// </summary>
internal static class ClipByteAlphabet
{
    static ClipByteAlphabet()
    {
        int[] printable = [.. Enumerable.Range('!', '~' - '!' + 1), .. Enumerable.Range('¡', '¬' - '¡' + 1), .. Enumerable.Range('®', 'ÿ' - '®' + 1)];
        int[] rest = [.. Enumerable.Range(0, 256).Except(printable)];
        foreach (int value in printable)
        {
            Characters[value] = (char)value;
        }

        for (int index = 0; index < rest.Length; index++)
        {
            Characters[rest[index]] = (char)(256 + index);
        }

        Ordered = [.. printable.Concat(rest).Select(value => Characters[value].ToString())];
    }

    /// <summary>The characters in the order in which a vocabulary lists them.</summary>
    public static IReadOnlyList<string> Ordered { get; }

    private static char[] Characters { get; } = new char[256];

    /// <summary>One character a byte of the UTF-8 form of <paramref name="word"/>.</summary>
    public static string Spell(string word) => string.Concat(Encoding.UTF8.GetBytes(word).Select(value => Characters[value]));
}

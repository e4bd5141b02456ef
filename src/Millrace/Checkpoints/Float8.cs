namespace Millrace.Checkpoints;

/// <summary>The floating-point types of 8 bits that weights are stored in (Micikevicius et al. 2022, arXiv 2209.05433).</summary>
public enum Float8
{
    /// <summary>Sign, 4 bits of exponent, 3 of mantissa; up to 448, no infinity, one NaN.</summary>
    E4M3,

    /// <summary>Sign, 5 bits of exponent, 2 of mantissa: the upper half of a float16.</summary>
    E5M2,
}

/// <summary>What the 8-bit types mean. Every value is one of float16 too.</summary>
internal static class Float8Values
{
    private static readonly Half[] E4M3 = [.. Enumerable.Range(0, 256).Select(value => OfE4M3((byte)value))];

    private static readonly Half[] E5M2 = [.. Enumerable.Range(0, 256).Select(value => BitConverter.UInt16BitsToHalf((ushort)(value << 8)))];

    /// <summary>The value of each byte.</summary>
    public static ReadOnlySpan<Half> Of(Float8 type) => type == Float8.E4M3 ? E4M3 : E5M2;

    private static Half OfE4M3(byte value)
    {
        const int Bias = 7, MantissaBits = 3, AllOnes = 0x7F;
        int bits = value & AllOnes, exponent = bits >> MantissaBits, mantissa = bits & ((1 << MantissaBits) - 1);
        double size = bits == AllOnes ? double.NaN
            : exponent == 0 ? Math.ScaleB(mantissa, 1 - Bias - MantissaBits)
            : Math.ScaleB((1 << MantissaBits) + mantissa, exponent - Bias - MantissaBits);
        return (Half)(value == bits ? size : -size);
    }
}

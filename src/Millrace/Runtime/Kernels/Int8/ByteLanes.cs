using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>Float32 lanes to bytes, and the function that often stands before.</summary>
internal static unsafe class ByteLanes
{
    /// <summary>Lanes that are stored at a time.</summary>
    public const int Count = 16;

    /// <summary>Stores 16 lanes as bytes: rounded to nearest, ties to even, held within 0 and <paramref name="top"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> low, Vector256<float> high, Vector256<float> top, byte* target)
    {
        Vector256<short> words = Vector256.Narrow(Whole(low, top), Whole(high, top));
        Vector128.Narrow(words.GetLower().AsUInt16(), words.GetUpper().AsUInt16()).Store(target);
    }

    /// <summary>A number as <see cref="Store"/> rounds it.</summary>
    public static byte Of(float value, float top) => (byte)Math.Clamp(MathF.Round(value), 0, top);

    /// <summary>x / (1 + e^-x), to 4e-6 relative: far finer than a byte.</summary>
    /// <remarks>e^-x = 2^(n + f) with |f| at most 1/2; 2^f by the Chebyshev interpolant of degree 4, n added to the exponent bits.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Silu(Vector256<float> x)
    {
        // Adding 1.5 * 2^23 leaves the rounded exponent in the low bits of the sum. Beyond the limits the result is x, or 0.
        Vector256<float> magic = Vector256.Create(12582912f), limit = Vector256.Create(125f);
        Vector256<float> exponent = Vector256.MaxNative(Vector256.MinNative(x * Vector256.Create(-1.44269504f), limit), -limit);
        Vector256<float> shifted = exponent + magic, f = exponent - (shifted - magic);
        Vector256<float> p = (Vector256.Create(9.66636852e-3f) * f) + Vector256.Create(5.59219758e-2f);
        p = (p * f) + Vector256.Create(2.4022349e-1f);
        p = (p * f) + Vector256.Create(6.93121045e-1f);
        p = (p * f) + Vector256<float>.One;
        return x / (Vector256<float>.One + (p.AsInt32() + (shifted.AsInt32() << 23)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Whole(Vector256<float> value, Vector256<float> top)
    {
        Vector256<float> held = Vector256.MinNative(Vector256.MaxNative(value, Vector256<float>.Zero), top);
        return Avx.IsSupported ? Avx.ConvertToVector256Int32(held) : Vector256.ConvertToInt32(Vector256.Round(held));
    }
}

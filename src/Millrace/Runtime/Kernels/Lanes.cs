using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels;

/// <summary>Sixteen float32 lanes: loads and stores in float32 or bfloat16, and the few functions that the kernels need.</summary>
internal static unsafe class Lanes
{
    /// <summary>Lanes in one vector.</summary>
    public const int Count = 16;

    /// <summary>Whether this machine has the instructions that the kernels are written in.</summary>
    public static bool Supported => Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported;

    /// <summary>Whether the kernels read and write <paramref name="type"/>.</summary>
    public static bool Handles(ScalarType type) => type is ScalarType.Float32 or ScalarType.BFloat16;

    /// <summary>Address of the first element of a contiguous tensor on the CPU; valid as long as the tensor lives.</summary>
    public static byte* Pointer(Tensor tensor) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* source, long element, bool bfloat) => bfloat
        ? Avx512F.ShiftLeftLogical(Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)source + element)), 16).AsSingle()
        : Vector512.Load((float*)source + element);

    /// <summary>Stores; bfloat16 rounds to nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, byte* target, long element, bool bfloat)
    {
        if (bfloat)
        {
            Vector512<uint> bits = value.AsUInt32();
            Vector512<uint> odd = Avx512F.ShiftRightLogical(bits, 16) & Vector512.Create(1u);
            Vector512<uint> rounded = Avx512F.ShiftRightLogical(bits + Vector512.Create(0x7fffu) + odd, 16);
            Avx512F.ConvertToVector256UInt16(rounded).Store((ushort*)target + element);
        }
        else
        {
            value.Store((float*)target + element);
        }
    }

    /// <summary>2^x to 2e-7 relative, for x of at most 127; about 2^-126 below -126.</summary>
    /// <remarks>x = n + f with |f| at most 1/2; 2^f by the Chebyshev interpolant of degree 5, n added to the exponent bits.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp2(Vector512<float> x)
    {
        // Adding 1.5 * 2^23 leaves the rounded x in the low bits of the sum.
        Vector512<float> magic = Vector512.Create(12582912f);
        x = Vector512.Max(x, Vector512.Create(-126.5f));
        Vector512<float> shifted = x + magic;
        Vector512<float> f = x - (shifted - magic);
        Vector512<float> p = Avx512F.FusedMultiplyAdd(Vector512.Create(1.33908634e-3f), f, Vector512.Create(9.67603192e-3f));
        p = Avx512F.FusedMultiplyAdd(p, f, Vector512.Create(5.55035711e-2f));
        p = Avx512F.FusedMultiplyAdd(p, f, Vector512.Create(2.40221075e-1f));
        p = Avx512F.FusedMultiplyAdd(p, f, Vector512.Create(6.93147188e-1f));
        p = Avx512F.FusedMultiplyAdd(p, f, Vector512.Create(1.00000008f));
        return (p.AsInt32() + Avx512F.ShiftLeftLogical(shifted.AsInt32(), 23)).AsSingle();
    }

    /// <summary>x / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Silu(Vector512<float> x)
    {
        // The clamp keeps 2^y finite; at -87 the result is 0 to float32 anyway.
        Vector512<float> exponential = Exp2(Vector512.Min(x * Vector512.Create(-1.44269504f), Vector512.Create(126f)));
        Vector512<float> denominator = Vector512<float>.One + exponential;
        Vector512<float> inverse = Avx512F.Reciprocal14(denominator);
        inverse *= Vector512.Create(2f) - (denominator * inverse); // one Newton step: 14 bits to 28, cheaper than a division
        return x * inverse;
    }

    /// <summary>x (1 + erf(x / sqrt 2)) / 2, to 2e-7 of |x|.</summary>
    /// <remarks>erf by Abramowitz and Stegun 1964, formula 7.1.26: 1 - (a1 t + ... + a5 t^5) e^(-z^2), t = 1 / (1 + 0.3275911 z).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x)
    {
        Vector512<float> z = Vector512.Abs(x) * Vector512.Create(0.707106781f);
        Vector512<float> denominator = Avx512F.FusedMultiplyAdd(z, Vector512.Create(0.3275911f), Vector512<float>.One);
        Vector512<float> t = Avx512F.Reciprocal14(denominator);
        t *= Vector512.Create(2f) - (denominator * t);
        Vector512<float> p = Avx512F.FusedMultiplyAdd(t, Vector512.Create(1.061405429f), Vector512.Create(-1.453152027f));
        p = Avx512F.FusedMultiplyAdd(p, t, Vector512.Create(1.421413741f));
        p = Avx512F.FusedMultiplyAdd(p, t, Vector512.Create(-0.284496736f));
        p = Avx512F.FusedMultiplyAdd(p, t, Vector512.Create(0.254829592f)) * t;
        Vector512<float> complement = p * Exp2(z * z * Vector512.Create(-1.44269504f)); // 1 - erf(z)

        // 1 + erf(x / sqrt 2) is 2 - complement where x is positive, and complement where it is negative.
        Vector512<float> sum = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), complement, Vector512.Create(2f) - complement);
        return x * sum * Vector512.Create(0.5f);
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>Float32 lanes to bytes.</summary>
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Whole(Vector256<float> value, Vector256<float> top)
    {
        Vector256<float> held = Vector256.MinNative(Vector256.MaxNative(value, Vector256<float>.Zero), top);
        return Avx.IsSupported ? Avx.ConvertToVector256Int32(held) : Vector256.ConvertToInt32(Vector256.Round(held));
    }
}

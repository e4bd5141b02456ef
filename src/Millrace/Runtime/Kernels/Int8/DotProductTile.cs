using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>The tile with AVX-VNNI: VPDPBUSD multiplies 32 bytes and adds fours to sums of 32 bits in one instruction, with nothing to saturate.</summary>
internal static unsafe class DotProductTile
{
    /// <summary>Rows of a tile: twelve sums hide the latency of the instruction.</summary>
    public const int Rows = 6;

    /// <summary>Multiplies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in TileOperands operands)
    {
        Vector256<int> sum00 = default, sum01 = default, sum10 = default, sum11 = default, sum20 = default, sum21 = default;
        Vector256<int> sum30 = default, sum31 = default, sum40 = default, sum41 = default, sum50 = default, sum51 = default;
        byte** rows = operands.Rows;
        byte* row0 = rows[0], row1 = rows[1], row2 = rows[2], row3 = rows[3], row4 = rows[4], row5 = rows[5];
        sbyte* weights = operands.Weights;
        for (int half = 0; half < 2 * operands.Blocks; half++, weights += 4 * PackedWeights.Columns)
        {
            long offset = operands.Offset(half / 2) + (half % 2 * 4);
            Vector256<sbyte> weights0 = Vector256.Load(weights), weights1 = Vector256.Load(weights + 32);
            Vector256<byte> input = Four(row0 + offset);
            sum00 = AvxVnni.MultiplyWideningAndAdd(sum00, input, weights0);
            sum01 = AvxVnni.MultiplyWideningAndAdd(sum01, input, weights1);
            input = Four(row1 + offset);
            sum10 = AvxVnni.MultiplyWideningAndAdd(sum10, input, weights0);
            sum11 = AvxVnni.MultiplyWideningAndAdd(sum11, input, weights1);
            input = Four(row2 + offset);
            sum20 = AvxVnni.MultiplyWideningAndAdd(sum20, input, weights0);
            sum21 = AvxVnni.MultiplyWideningAndAdd(sum21, input, weights1);
            input = Four(row3 + offset);
            sum30 = AvxVnni.MultiplyWideningAndAdd(sum30, input, weights0);
            sum31 = AvxVnni.MultiplyWideningAndAdd(sum31, input, weights1);
            input = Four(row4 + offset);
            sum40 = AvxVnni.MultiplyWideningAndAdd(sum40, input, weights0);
            sum41 = AvxVnni.MultiplyWideningAndAdd(sum41, input, weights1);
            input = Four(row5 + offset);
            sum50 = AvxVnni.MultiplyWideningAndAdd(sum50, input, weights0);
            sum51 = AvxVnni.MultiplyWideningAndAdd(sum51, input, weights1);
        }

        int* sums = operands.Sums;
        sum00.Store(sums);
        sum01.Store(sums + 8);
        sum10.Store(sums + 16);
        sum11.Store(sums + 24);
        sum20.Store(sums + 32);
        sum21.Store(sums + 40);
        sum30.Store(sums + 48);
        sum31.Store(sums + 56);
        sum40.Store(sums + 64);
        sum41.Store(sums + 72);
        sum50.Store(sums + 80);
        sum51.Store(sums + 88);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Four(byte* inputs) => Vector256.Create(*(uint*)inputs).AsByte();
}

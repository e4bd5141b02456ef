using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>The tile with AVX-512 (BW): as <see cref="MultiplyAddTile"/>, with the sixteen columns of a row in one register.</summary>
internal static unsafe class WideMultiplyAddTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 8;

    /// <summary>Multiplies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in TileOperands operands)
    {
        Vector512<int> sum0 = default, sum1 = default, sum2 = default, sum3 = default, sum4 = default, sum5 = default, sum6 = default, sum7 = default;
        byte** rows = operands.Rows;
        byte* row0 = rows[0], row1 = rows[1], row2 = rows[2], row3 = rows[3], row4 = rows[4], row5 = rows[5], row6 = rows[6], row7 = rows[7];
        sbyte* weights = operands.Weights;
        int block = 0;
        for (; block < operands.TwoPairs; block++, weights += PackedWeights.Block * PackedWeights.Columns)
        {
            long offset = operands.Offset(block);
            Vector512<sbyte> left = Vector512.Load(weights), right = Vector512.Load(weights + 64);
            sum0 += Joint(row0 + offset, left, right);
            sum1 += Joint(row1 + offset, left, right);
            sum2 += Joint(row2 + offset, left, right);
            sum3 += Joint(row3 + offset, left, right);
            sum4 += Joint(row4 + offset, left, right);
            sum5 += Joint(row5 + offset, left, right);
            sum6 += Joint(row6 + offset, left, right);
            sum7 += Joint(row7 + offset, left, right);
        }

        for (; block < operands.TwoPairs + operands.Pairs; block++, weights += PackedWeights.Block * PackedWeights.Columns)
        {
            long offset = operands.Offset(block);
            Vector512<sbyte> left = Vector512.Load(weights), right = Vector512.Load(weights + 64);
            sum0 += Apart(row0 + offset, left, right);
            sum1 += Apart(row1 + offset, left, right);
            sum2 += Apart(row2 + offset, left, right);
            sum3 += Apart(row3 + offset, left, right);
            sum4 += Apart(row4 + offset, left, right);
            sum5 += Apart(row5 + offset, left, right);
            sum6 += Apart(row6 + offset, left, right);
            sum7 += Apart(row7 + offset, left, right);
        }

        int* sums = operands.Sums;
        sum0.Store(sums);
        sum1.Store(sums + 16);
        sum2.Store(sums + 32);
        sum3.Store(sums + 48);
        sum4.Store(sums + 64);
        sum5.Store(sums + 80);
        sum6.Store(sums + 96);
        sum7.Store(sums + 112);
        MultiplyAddTile.AddLarge(operands, Rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Pairs(byte* inputs, Vector512<sbyte> weights) =>
        Avx512BW.MultiplyAddAdjacent(Vector512.Create(*(uint*)inputs).AsByte(), weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widened(Vector512<short> pairs) => Avx512BW.MultiplyAddAdjacent(pairs, Vector512<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Joint(byte* inputs, Vector512<sbyte> left, Vector512<sbyte> right) => Widened(Pairs(inputs, left) + Pairs(inputs + 4, right));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Apart(byte* inputs, Vector512<sbyte> left, Vector512<sbyte> right) => Widened(Pairs(inputs, left)) + Widened(Pairs(inputs + 4, right));
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>The tile with AVX2: VPMADDUBSW multiplies 32 bytes and adds pairs in 16 bits, VPMADDWD by ones widens to 32.</summary>
/// <remarks>
/// Both instructions run on the same two ports, so the widening costs as much as the product. Where the weights of a block are small
/// enough (<see cref="SixteenBits.TwoPairs"/>) two products are added in 16 bits first, and 64 products take three slots of these
/// ports in place of four; float32 takes eight. Eight sums, the ones, four weights and three temporaries fill the registers.
/// </remarks>
internal static unsafe class MultiplyAddTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 4;

    /// <summary>Multiplies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in TileOperands operands)
    {
        Vector256<int> sum00 = default, sum01 = default, sum10 = default, sum11 = default;
        Vector256<int> sum20 = default, sum21 = default, sum30 = default, sum31 = default;
        Vector256<short> ones = Vector256.Create((short)1);
        byte* row0 = operands.Rows[0], row1 = operands.Rows[1], row2 = operands.Rows[2], row3 = operands.Rows[3];
        sbyte* weights = operands.Weights;
        int block = 0;
        for (; block < operands.TwoPairs; block++, weights += PackedWeights.Block * PackedWeights.Columns)
        {
            long offset = operands.Offset(block);
            Vector256<sbyte> left0 = Vector256.Load(weights), left1 = Vector256.Load(weights + 32), right0 = Vector256.Load(weights + 64), right1 = Vector256.Load(weights + 96);
            Vector256<byte> input = Four(row0 + offset);
            Vector256<short> pairs0 = Avx2.MultiplyAddAdjacent(input, left0), pairs1 = Avx2.MultiplyAddAdjacent(input, left1);
            input = Four(row0 + offset + 4);
            pairs0 += Avx2.MultiplyAddAdjacent(input, right0);
            pairs1 += Avx2.MultiplyAddAdjacent(input, right1);
            sum00 += Avx2.MultiplyAddAdjacent(pairs0, ones);
            sum01 += Avx2.MultiplyAddAdjacent(pairs1, ones);

            input = Four(row1 + offset);
            pairs0 = Avx2.MultiplyAddAdjacent(input, left0);
            pairs1 = Avx2.MultiplyAddAdjacent(input, left1);
            input = Four(row1 + offset + 4);
            pairs0 += Avx2.MultiplyAddAdjacent(input, right0);
            pairs1 += Avx2.MultiplyAddAdjacent(input, right1);
            sum10 += Avx2.MultiplyAddAdjacent(pairs0, ones);
            sum11 += Avx2.MultiplyAddAdjacent(pairs1, ones);

            input = Four(row2 + offset);
            pairs0 = Avx2.MultiplyAddAdjacent(input, left0);
            pairs1 = Avx2.MultiplyAddAdjacent(input, left1);
            input = Four(row2 + offset + 4);
            pairs0 += Avx2.MultiplyAddAdjacent(input, right0);
            pairs1 += Avx2.MultiplyAddAdjacent(input, right1);
            sum20 += Avx2.MultiplyAddAdjacent(pairs0, ones);
            sum21 += Avx2.MultiplyAddAdjacent(pairs1, ones);

            input = Four(row3 + offset);
            pairs0 = Avx2.MultiplyAddAdjacent(input, left0);
            pairs1 = Avx2.MultiplyAddAdjacent(input, left1);
            input = Four(row3 + offset + 4);
            pairs0 += Avx2.MultiplyAddAdjacent(input, right0);
            pairs1 += Avx2.MultiplyAddAdjacent(input, right1);
            sum30 += Avx2.MultiplyAddAdjacent(pairs0, ones);
            sum31 += Avx2.MultiplyAddAdjacent(pairs1, ones);
        }

        for (; block < operands.TwoPairs + operands.Pairs; block++, weights += PackedWeights.Block * PackedWeights.Columns)
        {
            long offset = operands.Offset(block);
            Vector256<sbyte> left0 = Vector256.Load(weights), left1 = Vector256.Load(weights + 32), right0 = Vector256.Load(weights + 64), right1 = Vector256.Load(weights + 96);
            Vector256<byte> input = Four(row0 + offset);
            sum00 += Widened(input, left0, ones);
            sum01 += Widened(input, left1, ones);
            input = Four(row0 + offset + 4);
            sum00 += Widened(input, right0, ones);
            sum01 += Widened(input, right1, ones);

            input = Four(row1 + offset);
            sum10 += Widened(input, left0, ones);
            sum11 += Widened(input, left1, ones);
            input = Four(row1 + offset + 4);
            sum10 += Widened(input, right0, ones);
            sum11 += Widened(input, right1, ones);

            input = Four(row2 + offset);
            sum20 += Widened(input, left0, ones);
            sum21 += Widened(input, left1, ones);
            input = Four(row2 + offset + 4);
            sum20 += Widened(input, right0, ones);
            sum21 += Widened(input, right1, ones);

            input = Four(row3 + offset);
            sum30 += Widened(input, left0, ones);
            sum31 += Widened(input, left1, ones);
            input = Four(row3 + offset + 4);
            sum30 += Widened(input, right0, ones);
            sum31 += Widened(input, right1, ones);
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
        AddLarge(operands, Rows);
    }

    /// <summary>
    /// Adds the blocks of which 16 bits hold no sum: every other weight set to 0, so that a pair is one product, which 16 bits hold
    /// (255 * 128 is below 2^15); twice the work.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddLarge(in TileOperands operands, int rows)
    {
        Vector256<short> ones = Vector256.Create((short)1);
        Vector256<sbyte> even = Vector256.Create((short)0x00ff).AsSByte();
        for (int block = operands.Blocks - operands.Large; block < operands.Blocks; block++)
        {
            long offset = operands.Offset(block);
            for (int half = 0; half < 2; half++)
            {
                sbyte* weights = operands.Weights + ((((long)block * 2) + half) * 4 * PackedWeights.Columns);
                Vector256<sbyte> weights0 = Vector256.Load(weights), weights1 = Vector256.Load(weights + 32);
                for (int row = 0; row < rows; row++)
                {
                    Vector256<byte> input = Four(operands.Rows[row] + offset + (4 * half));
                    int* sums = operands.Sums + (row * PackedWeights.Columns);
                    (Vector256.Load(sums) + Widened(input, weights0 & even, ones) + Widened(input, Vector256.AndNot(weights0, even), ones)).Store(sums);
                    (Vector256.Load(sums + 8) + Widened(input, weights1 & even, ones) + Widened(input, Vector256.AndNot(weights1, even), ones)).Store(sums + 8);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Four(byte* inputs) => Avx2.BroadcastScalarToVector256((uint*)inputs).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widened(Vector256<byte> input, Vector256<sbyte> weights, Vector256<short> ones) =>
        Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(input, weights), ones);
}

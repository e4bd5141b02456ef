using System.Runtime.CompilerServices;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>The tile in plain C#.</summary>
internal static unsafe class PortableTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 4;

    /// <summary>Multiplies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in TileOperands operands)
    {
        for (int row = 0; row < Rows; row++)
        {
            int* sums = operands.Sums + (row * PackedWeights.Columns);
            new Span<int>(sums, PackedWeights.Columns).Clear();
            for (int block = 0; block < operands.Blocks; block++)
            {
                byte* inputs = operands.Rows[row] + operands.Offset(block);
                sbyte* weights = operands.Weights + ((long)block * PackedWeights.Block * PackedWeights.Columns);
                AddHalf(inputs, weights, sums);
                AddHalf(inputs + 4, weights + (4 * PackedWeights.Columns), sums);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddHalf(byte* inputs, sbyte* weights, int* sums)
    {
        for (int column = 0; column < PackedWeights.Columns; column++, weights += 4)
        {
            sums[column] += (inputs[0] * weights[0]) + (inputs[1] * weights[1]) + (inputs[2] * weights[2]) + (inputs[3] * weights[3]);
        }
    }
}

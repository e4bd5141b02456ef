namespace Millrace.Runtime.Kernels.Int8;

/// <summary>The tile in plain C#.</summary>
internal static unsafe class PortableTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 4;

    /// <summary>Multiplies.</summary>
    public static void Run(in TileOperands operands)
    {
        for (int row = 0; row < Rows; row++)
        {
            int* sums = operands.Sums + (row * PackedWeights.Columns);
            new Span<int>(sums, PackedWeights.Columns).Clear();
            sbyte* weights = operands.Weights;
            for (int tap = 0; tap < operands.TapCount; tap++)
            {
                byte* inputs = operands.Rows[row] + operands.Taps[tap];
                for (int half = 0; half < 2 * operands.Blocks; half++, inputs += 4, weights += 4 * PackedWeights.Columns)
                {
                    AddHalf(inputs, weights, sums);
                }
            }
        }
    }

    private static void AddHalf(byte* inputs, sbyte* weights, int* sums)
    {
        for (int column = 0; column < PackedWeights.Columns; column++, weights += 4)
        {
            sums[column] += (inputs[0] * weights[0]) + (inputs[1] * weights[1]) + (inputs[2] * weights[2]) + (inputs[3] * weights[3]);
        }
    }
}

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>One tile on the instructions asked for.</summary>
internal static class TileProduct
{
    /// <summary>Multiplies.</summary>
    public static void Run(InstructionPath path, in TileOperands operands)
    {
        switch (path)
        {
            case InstructionPath.Avx2:
                MultiplyAddTile.Run(operands);
                break;
            case InstructionPath.AvxVnni:
                DotProductTile.Run(operands);
                break;
            case InstructionPath.Avx512:
                WideMultiplyAddTile.Run(operands);
                break;
            default:
                PortableTile.Run(operands);
                break;
        }
    }
}

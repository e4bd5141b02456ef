namespace Millrace.Runtime.Kernels.Int8;

/// <summary>What every tile multiplies: some rows of unsigned bytes with one <see cref="PackedWeights"/> tile of 16 columns, block after block of 8 inputs.</summary>
internal unsafe struct TileOperands
{
    /// <summary>Where each row's first byte is; as many as the tile has rows.</summary>
    public byte** Rows;

    /// <summary>Offset of each tap from a row's first byte.</summary>
    public long* Taps;

    /// <summary>Which inputs each block multiplies: its tap in the upper 16 bits, its place in the tap, in blocks, in the lower.</summary>
    public int* Places;

    /// <summary>The columns' weights, [block][half of a block][column][4].</summary>
    public sbyte* Weights;

    /// <summary>Blocks at the start, of which 16 bits hold <see cref="SixteenBits.TwoPairs"/>.</summary>
    public int TwoPairs;

    /// <summary>Blocks behind them, of which 16 bits hold a <see cref="SixteenBits.Pair"/>.</summary>
    public int Pairs;

    /// <summary>Blocks at the end, of which 16 bits hold no sum at all.</summary>
    public int Large;

    /// <summary>Receives the sums, [row][16].</summary>
    public int* Sums;

    /// <summary>Number of blocks.</summary>
    public readonly int Blocks => TwoPairs + Pairs + Large;

    /// <summary>Offset of a block's inputs from a row's first byte.</summary>
    public readonly long Offset(int block) => Taps[Places[block] >> 16] + ((long)(Places[block] & 0xffff) * PackedWeights.Block);
}

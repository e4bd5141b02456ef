namespace Millrace.Runtime.Kernels.Int8;

/// <summary>What every tile multiplies: some rows of unsigned bytes with one <see cref="PackedWeights"/> tile of 16 columns.</summary>
internal unsafe struct TileOperands
{
    /// <summary>Where each row's first byte is; as many as the tile has rows.</summary>
    public byte** Rows;

    /// <summary>Offset of each tap from a row's first byte.</summary>
    public long* Taps;

    /// <summary>Number of taps: 9 for a convolution of 3 x 3, 1 for a matrix product.</summary>
    public int TapCount;

    /// <summary>Blocks of 8 bytes in a tap.</summary>
    public int Blocks;

    /// <summary>The columns' weights, [tap][block][half of a block][column][4].</summary>
    public sbyte* Weights;

    /// <summary>What sums of each block 16 bits hold, [tap][block], a <see cref="SixteenBits"/> each.</summary>
    public byte* Marks;

    /// <summary>Whether a mark is <see cref="SixteenBits.None"/>.</summary>
    public bool HasLarge;

    /// <summary>Receives the sums, [row][16].</summary>
    public int* Sums;
}

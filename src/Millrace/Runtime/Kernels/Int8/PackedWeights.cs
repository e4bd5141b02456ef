using System.Runtime.InteropServices;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>
/// Signed 8-bit weights in the order in which the tiles read them: sixteen columns (outputs) side by side, four inputs of each
/// together, as the byte instructions take them. The blocks of a tile are sorted by what 16 bits hold of their sums, so that none is
/// asked for it while it is multiplied. Never changed after it was made.
/// </summary>
internal sealed unsafe class PackedWeights : IDisposable
{
    /// <summary>Columns of a tile.</summary>
    public const int Columns = 16;

    /// <summary>Inputs of a block; channels are filled up with zeros to a multiple of it.</summary>
    public const int Block = 8;

    // 255 * 127 * 2^16 is just below 2^31.
    private const int MostInputs = 1 << 16;

    // 255 * 128 is the last multiple of 255 that 16 signed bits hold, on either side.
    private const int SixteenBitSum = 128;

    private sbyte* _weights;
    private readonly int* _places;
    private readonly (int TwoPairs, int Pairs)[] _counts;

    /// <summary>Packs weights.</summary>
    /// <param name="weights">[outputs, taps, channels], each from -127 to 127.</param>
    /// <param name="outputs">Number of outputs.</param>
    /// <param name="taps">Number of taps: kernel height times width.</param>
    /// <param name="channels">Number of input channels.</param>
    /// <exception cref="ArgumentException">Where the sums could leave 32 bits, or the number of weights is another.</exception>
    public PackedWeights(ReadOnlySpan<sbyte> weights, int outputs, int taps, int channels)
    {
        if (weights.Length != (long)outputs * taps * channels)
        {
            throw new ArgumentException($"weights must be {outputs} x {taps} x {channels} numbers, got {weights.Length}.", nameof(weights));
        }

        if ((long)taps * channels > MostInputs)
        {
            throw new ArgumentException($"An output must have at most {MostInputs} inputs, that its sum fits 32 bits, got {(long)taps * channels}.", nameof(channels));
        }

        (Outputs, Taps, Channels) = (outputs, taps, channels);
        Blocks = (channels + Block - 1) / Block;
        Tiles = (outputs + Columns - 1) / Columns;
        _counts = new (int, int)[Tiles];
        long blocks = (long)Tiles * taps * Blocks;
        _weights = (sbyte*)NativeMemory.AlignedAlloc((nuint)(blocks * ((Block * Columns) + sizeof(int))), 64);
        _places = (int*)(_weights + (blocks * Block * Columns));
        ColumnSums = new int[Tiles * Columns];
        for (int tile = 0; tile < Tiles; tile++)
        {
            Pack(weights, tile);
        }
    }

    ~PackedWeights() => Free();

    /// <summary>Number of outputs.</summary>
    public int Outputs { get; }

    /// <summary>Kernel height times width.</summary>
    public int Taps { get; }

    /// <summary>Input channels.</summary>
    public int Channels { get; }

    /// <summary>Blocks of a tap.</summary>
    public int Blocks { get; }

    /// <summary>Tiles of 16 outputs.</summary>
    public int Tiles { get; }

    /// <summary>Sum of each output's weights, filled up with zeros to whole tiles.</summary>
    public int[] ColumnSums { get; }

    /// <summary>Share of the blocks of which 16 bits hold two pairs.</summary>
    public double JointShare => _counts.Sum(count => (double)count.TwoPairs) / ((double)Tiles * Taps * Blocks);

    /// <summary>Points operands at a tile.</summary>
    public void Select(ref TileOperands operands, int tile)
    {
        long first = (long)tile * Taps * Blocks;
        operands.Weights = _weights + (first * Block * Columns);
        operands.Places = _places + first;
        (operands.TwoPairs, operands.Pairs) = _counts[tile];
        operands.Large = (Taps * Blocks) - operands.TwoPairs - operands.Pairs;
    }

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_weights);
        _weights = null;
    }

    private void Pack(ReadOnlySpan<sbyte> weights, int tile)
    {
        const int Size = Block * Columns;
        int count = Taps * Blocks, first = tile * Columns, columns = Math.Min(Columns, Outputs - first);
        var unsorted = new sbyte[count * Size];
        for (int column = 0; column < columns; column++)
        {
            for (int tap = 0; tap < Taps; tap++)
            {
                ReadOnlySpan<sbyte> row = weights.Slice((((first + column) * Taps) + tap) * Channels, Channels);
                for (int channel = 0; channel < Channels; channel++)
                {
                    int block = (tap * Blocks) + (channel / Block), half = channel % Block / 4;
                    unsorted[(block * Size) + (half * 4 * Columns) + (column * 4) + (channel % 4)] = row[channel];
                    ColumnSums[first + column] += row[channel];
                }
            }
        }

        (int Block, SixteenBits Bits)[] order = [.. Enumerable.Range(0, count)
            .Select(block => (block, MarkOf(unsorted.AsSpan(block * Size, Size)))).OrderByDescending(block => block.Item2)];
        _counts[tile] = (order.Count(block => block.Bits == SixteenBits.TwoPairs), order.Count(block => block.Bits == SixteenBits.Pair));
        for (int index = 0; index < count; index++)
        {
            int block = order[index].Block;
            long target = ((long)tile * count) + index;
            unsorted.AsSpan(block * Size, Size).CopyTo(new Span<sbyte>(_weights + (target * Size), Size));
            _places[target] = ((block / Blocks) << 16) | (block % Blocks);
        }
    }

    /// <summary>VPMADDUBSW adds two neighbours of a half; two of its results are the first two, or the last two, of both halves.</summary>
    private static SixteenBits MarkOf(ReadOnlySpan<sbyte> block)
    {
        SixteenBits mark = SixteenBits.TwoPairs;
        for (int pair = 0; pair < 2 * Columns; pair++)
        {
            (int above, int below) = Sides(block.Slice(2 * pair, 2));
            (int aboveNext, int belowNext) = Sides(block.Slice((4 * Columns) + (2 * pair), 2));
            if (Math.Max(Math.Max(above, below), Math.Max(aboveNext, belowNext)) > SixteenBitSum)
            {
                return SixteenBits.None;
            }

            mark = Math.Max(above + aboveNext, below + belowNext) > SixteenBitSum ? SixteenBits.Pair : mark;
        }

        return mark;
    }

    /// <summary>Sums of the positive and of the negative of two weights: no activation takes the pair beyond 255 times these.</summary>
    private static (int Above, int Below) Sides(ReadOnlySpan<sbyte> pair) =>
        (Math.Max((int)pair[0], 0) + Math.Max((int)pair[1], 0), -Math.Min((int)pair[0], 0) - Math.Min((int)pair[1], 0));
}

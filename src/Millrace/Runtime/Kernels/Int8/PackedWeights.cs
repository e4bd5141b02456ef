using System.Runtime.InteropServices;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>
/// Signed 8-bit weights in the order in which the tiles read them: sixteen columns (outputs) side by side, four inputs of each
/// together, as the byte instructions take them. Never changed after it was made.
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
    private readonly byte* _marks;
    private readonly bool[] _hasLarge;

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
        _hasLarge = new bool[Tiles];
        long blocks = (long)Tiles * taps * Blocks;
        _weights = (sbyte*)NativeMemory.AlignedAlloc((nuint)(blocks * Block * (Columns + 1)), 64);
        _marks = (byte*)_weights + (blocks * Block * Columns);
        ColumnSums = new int[Tiles * Columns];
        Pack(weights);
        for (long block = 0; block < blocks; block++)
        {
            _marks[block] = (byte)MarkOf(_weights + (block * Block * Columns));
            _hasLarge[block / (taps * Blocks)] |= _marks[block] == (byte)SixteenBits.None;
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

    /// <summary>Share of the blocks that hold two pairs in 16 bits.</summary>
    public double JointShare
    {
        get
        {
            long blocks = (long)Tiles * Taps * Blocks, joint = 0;
            for (long block = 0; block < blocks; block++)
            {
                joint += _marks[block] == (byte)SixteenBits.TwoPairs ? 1 : 0;
            }

            return (double)joint / blocks;
        }
    }

    /// <summary>Points operands at a tile.</summary>
    public void Select(ref TileOperands operands, int tile)
    {
        long first = (long)tile * Taps * Blocks;
        operands.Weights = _weights + (first * Block * Columns);
        operands.Marks = _marks + first;
        operands.HasLarge = _hasLarge[tile];
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

    private void Pack(ReadOnlySpan<sbyte> weights)
    {
        new Span<sbyte>(_weights, checked(Tiles * Taps * Blocks * Block * Columns)).Clear();
        for (int output = 0; output < Outputs; output++)
        {
            for (int tap = 0; tap < Taps; tap++)
            {
                ReadOnlySpan<sbyte> row = weights.Slice(((output * Taps) + tap) * Channels, Channels);
                long block = ((((long)(output / Columns) * Taps) + tap) * Blocks);
                for (int channel = 0; channel < Channels; channel++)
                {
                    int half = channel % Block / 4;
                    _weights[((block + (channel / Block)) * Block * Columns) + (half * 4 * Columns) + (output % Columns * 4) + (channel % 4)] = row[channel];
                    ColumnSums[output] += row[channel];
                }
            }
        }
    }

    /// <summary>VPMADDUBSW adds two neighbours of a half; two of its results are the first two, or the last two, of both halves.</summary>
    private static SixteenBits MarkOf(sbyte* block)
    {
        SixteenBits mark = SixteenBits.TwoPairs;
        for (int pair = 0; pair < 2 * Columns; pair++)
        {
            (int above, int below) = Sides(block + (2 * pair));
            (int aboveNext, int belowNext) = Sides(block + (4 * Columns) + (2 * pair));
            if (Math.Max(Math.Max(above, below), Math.Max(aboveNext, belowNext)) > SixteenBitSum)
            {
                return SixteenBits.None;
            }

            mark = Math.Max(above + aboveNext, below + belowNext) > SixteenBitSum ? SixteenBits.Pair : mark;
        }

        return mark;
    }

    /// <summary>Sums of the positive and of the negative of two weights: no activation takes the pair beyond 255 times these.</summary>
    private static (int Above, int Below) Sides(sbyte* pair) =>
        (Math.Max((int)pair[0], 0) + Math.Max((int)pair[1], 0), -Math.Min((int)pair[0], 0) - Math.Min((int)pair[1], 0));
}

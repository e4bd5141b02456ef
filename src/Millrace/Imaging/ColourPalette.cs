namespace Millrace.Imaging;

/// <summary>At most 256 colours that stand for all of a frame.</summary>
/// <remarks>
/// Median cut (Heckbert 1982): the box of colours with the widest range is cut at its median until there are enough boxes.
/// Colours are told apart in steps of 8; a box stands for the mean of its pixels, so that few and distant colours stay exact.
/// </remarks>
internal sealed class ColourPalette
{
    private const int Bits = 5;
    private const int Levels = 1 << Bits;
    private const int LargestPalette = 256;

    private readonly byte[] _indexOf = new byte[Levels * Levels * Levels];

    public ColourPalette(ReadOnlySpan<byte> rgb)
    {
        var bins = new Bin[_indexOf.Length];
        for (int pixel = 0; pixel < rgb.Length; pixel += 3)
        {
            bins[Key(rgb[pixel], rgb[pixel + 1], rgb[pixel + 2])].Add(rgb.Slice(pixel, 3));
        }

        int index = 0;
        foreach (int[] box in Boxes(bins))
        {
            var all = new Bin();
            foreach (int key in box)
            {
                all.Add(bins[key]);
                _indexOf[key] = (byte)index;
            }

            all.Mean(Colours.AsSpan(3 * index++, 3));
        }
    }

    /// <summary>256 colours, red, green, blue.</summary>
    public byte[] Colours { get; } = new byte[3 * LargestPalette];

    public byte IndexOf(byte red, byte green, byte blue) => _indexOf[Key(red, green, blue)];

    private static List<int[]> Boxes(Bin[] bins)
    {
        List<int[]> finished = [];
        var divisible = new PriorityQueue<(int[] Keys, int Channel), int>(); // the widest first
        void Add(int[] box)
        {
            (int channel, int range) = Enumerable.Range(0, 3).Select(candidate => (candidate, Range(box, candidate))).MaxBy(pair => pair.Item2);
            if (range > 0)
            {
                divisible.Enqueue((box, channel), -range);
            }
            else
            {
                finished.Add(box);
            }
        }

        Add([.. Enumerable.Range(0, bins.Length).Where(key => bins[key].Count > 0)]);
        while (finished.Count + divisible.Count < LargestPalette && divisible.TryDequeue(out (int[] Keys, int Channel) widest, out _))
        {
            (int[] low, int[] high) = Cut(widest.Keys, widest.Channel, bins);
            Add(low);
            Add(high);
        }

        return [.. finished, .. divisible.UnorderedItems.Select(item => item.Element.Keys)];
    }

    private static (int[] Low, int[] High) Cut(int[] box, int channel, Bin[] bins)
    {
        int[] ordered = [.. box.OrderBy(key => Level(key, channel))];
        long half = ordered.Sum(key => bins[key].Count) / 2, seen = 0;
        int cut = 0;
        while (cut < ordered.Length - 1 && seen <= half)
        {
            seen += bins[ordered[cut++]].Count;
        }

        return (ordered[..cut], ordered[cut..]);
    }

    private static int Key(byte red, byte green, byte blue) => (((red >> (8 - Bits)) * Levels) + (green >> (8 - Bits))) * Levels + (blue >> (8 - Bits));

    private static int Level(int key, int channel) => key >> (Bits * (2 - channel)) & (Levels - 1);

    private static int Range(int[] box, int channel)
    {
        int low = Levels, high = 0;
        foreach (int key in box)
        {
            low = Math.Min(low, Level(key, channel));
            high = Math.Max(high, Level(key, channel));
        }

        return high - low;
    }

    /// <summary>Pixels of nearly one colour.</summary>
    private struct Bin
    {
        private long _red;
        private long _green;
        private long _blue;

        public long Count { get; private set; }

        public void Add(ReadOnlySpan<byte> pixel) => (_red, _green, _blue, Count) = (_red + pixel[0], _green + pixel[1], _blue + pixel[2], Count + 1);

        public void Add(Bin other) => (_red, _green, _blue, Count) = (_red + other._red, _green + other._green, _blue + other._blue, Count + other.Count);

        public readonly void Mean(Span<byte> colour)
        {
            colour[0] = Rounded(_red);
            colour[1] = Rounded(_green);
            colour[2] = Rounded(_blue);
        }

        private readonly byte Rounded(long sum) => (byte)((sum + (Count / 2)) / Count);
    }
}

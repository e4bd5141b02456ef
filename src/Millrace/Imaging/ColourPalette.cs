namespace Millrace.Imaging;

/// <summary>At most 256 colours that stand for all of a frame.</summary>
/// <remarks>Median cut (Heckbert 1982): the box of colours with the widest range is cut at its median until there are enough boxes. Colours are counted in steps of 8.</remarks>
internal sealed class ColourPalette
{
    private const int Bits = 5;
    private const int Levels = 1 << Bits;

    private readonly byte[] _indexOf = new byte[Levels * Levels * Levels];

    public ColourPalette(ReadOnlySpan<byte> rgb)
    {
        var counts = new int[_indexOf.Length];
        for (int pixel = 0; pixel < rgb.Length; pixel += 3)
        {
            counts[Key(rgb[pixel], rgb[pixel + 1], rgb[pixel + 2])]++;
        }

        List<int[]> boxes = [[.. Enumerable.Range(0, counts.Length).Where(key => counts[key] > 0)]];
        while (boxes.Count < 256 && boxes.MaxBy(WidestRange) is { } widest && WidestRange(widest) > 0)
        {
            boxes.Remove(widest);
            (int[] low, int[] high) = Cut(widest, counts);
            boxes.Add(low);
            boxes.Add(high);
        }

        for (int index = 0; index < boxes.Count; index++)
        {
            long weight = boxes[index].Sum(key => (long)counts[key]);
            for (int channel = 0; channel < 3; channel++)
            {
                long sum = boxes[index].Sum(key => (long)counts[key] * Level(key, channel) * 255 / (Levels - 1));
                Colours[(index * 3) + channel] = (byte)(sum / weight);
            }

            Array.ForEach(boxes[index], key => _indexOf[key] = (byte)index);
        }
    }

    /// <summary>256 colours, red, green, blue.</summary>
    public byte[] Colours { get; } = new byte[3 * 256];

    public byte IndexOf(byte red, byte green, byte blue) => _indexOf[Key(red, green, blue)];

    private static int Key(byte red, byte green, byte blue) => (((red >> (8 - Bits)) * Levels) + (green >> (8 - Bits))) * Levels + (blue >> (8 - Bits));

    private static int Level(int key, int channel) => key >> (Bits * (2 - channel)) & (Levels - 1);

    private static int Range(int[] box, int channel) => box.Max(key => Level(key, channel)) - box.Min(key => Level(key, channel));

    private static int WidestRange(int[] box) => Enumerable.Range(0, 3).Max(channel => Range(box, channel));

    private static (int[] Low, int[] High) Cut(int[] box, int[] counts)
    {
        int channel = Enumerable.Range(0, 3).MaxBy(candidate => Range(box, candidate));
        int[] ordered = [.. box.OrderBy(key => Level(key, channel))];
        long half = ordered.Sum(key => (long)counts[key]) / 2, seen = 0;
        int cut = 0;
        while (cut < ordered.Length - 1 && seen <= half)
        {
            seen += counts[ordered[cut++]];
        }

        return (ordered[..cut], ordered[cut..]);
    }
}

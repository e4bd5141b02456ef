using Millrace.Imaging;

namespace Millrace.Server.Provenance;

/// <summary>
/// A mark that nobody sees: a fixed pattern of signs, added to the middle frequencies of every block of a picture. It outlives
/// JPEG and WebP at a quality of 90 in pictures from 256 pixels a side on; smaller ones have too few blocks for <see cref="Find"/>
/// to be sure, strong compression smooths it away, and who crops or scales the picture takes it away too.
/// </summary>
/// <remarks>
/// Additive spread spectrum in the cosine transform: Cox, Kilian, Leighton and Shamoon, "Secure Spread Spectrum Watermarking for
/// Multimedia" (1997), section IV; here in blocks of 8 x 8 pixels, as JPEG has them, with signs for the sequence, and found
/// without the unmarked picture.
/// </remarks>
internal static class InvisibleMark
{
    /// <summary>Certainty from which a picture counts as marked: an unmarked one reaches it once in a thousand million.</summary>
    public const double Certain = 6;

    private const int Side = 8, LowestFrequency = 3, HighestFrequency = 6; // below one sees it, above compression takes it
    private const double Strength = 3, Loudest = 4 * Strength; // of 255; louder coefficients are edges of the picture itself
    private const ulong Key = 0x6d696c6c72616365; // "millrace"

    private static readonly double[][] Waves =
    [
        .. from down in Enumerable.Range(0, Side)
           from across in Enumerable.Range(0, Side)
           where down + across is >= LowestFrequency and <= HighestFrequency
           select (double[])[.. from y in Enumerable.Range(0, Side) from x in Enumerable.Range(0, Side) select Wave(down, y) * Wave(across, x)],
    ];

    /// <summary>The picture with the mark.</summary>
    public static Frame Apply(Frame picture)
    {
        byte[] marked = [.. picture.Rgb];
        var change = new double[Side * Side];
        foreach ((int left, int top, ulong signs) in Blocks(picture))
        {
            Array.Clear(change);
            for (int wave = 0; wave < Waves.Length; wave++)
            {
                double amplitude = Sign(signs, wave) * Strength;
                for (int pixel = 0; pixel < change.Length; pixel++)
                {
                    change[pixel] += amplitude * Waves[wave][pixel];
                }
            }

            for (int pixel = 0; pixel < change.Length; pixel++)
            {
                Span<byte> rgb = marked.AsSpan(Offset(picture, left, top, pixel), 3);
                foreach (ref byte channel in rgb)
                {
                    channel = (byte)Math.Clamp(Math.Round(channel + change[pixel]), 0, 255);
                }
            }
        }

        return new Frame(picture.Id, picture.Timestamp, picture.Width, picture.Height, marked);
    }

    /// <summary>How sure it is that a picture is marked, in standard deviations of what an unmarked one gives by chance.</summary>
    public static double Find(Frame picture)
    {
        double agreement = 0, chance = 0;
        foreach ((int left, int top, ulong signs) in Blocks(picture))
        {
            for (int wave = 0; wave < Waves.Length; wave++)
            {
                double coefficient = 0;
                for (int pixel = 0; pixel < Waves[wave].Length; pixel++)
                {
                    ReadOnlySpan<byte> rgb = picture.Rgb.AsSpan(Offset(picture, left, top, pixel), 3);
                    coefficient += Waves[wave][pixel] * (rgb[0] + rgb[1] + rgb[2]) / 3;
                }

                coefficient = Math.Clamp(coefficient, -Loudest, Loudest);
                agreement += Sign(signs, wave) * coefficient;
                chance += coefficient * coefficient;
            }
        }

        return chance == 0 ? 0 : agreement / Math.Sqrt(chance);
    }

    /// <summary>The whole blocks of a picture, each with a sign a bit.</summary>
    private static IEnumerable<(int Left, int Top, ulong Signs)> Blocks(Frame picture)
    {
        for (int top = 0; top + Side <= picture.Height; top += Side)
        {
            for (int left = 0; left + Side <= picture.Width; left += Side)
            {
                yield return (left, top, Scatter(Key + ((ulong)top << 32) + (ulong)left));
            }
        }
    }

    /// <summary>The finalizer of SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).</summary>
    private static ulong Scatter(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

    private static int Sign(ulong signs, int wave) => (signs & (1UL << wave)) == 0 ? -1 : 1;

    private static int Offset(Frame picture, int left, int top, int pixel) => 3 * (((top + (pixel / Side)) * picture.Width) + left + (pixel % Side));

    /// <summary>Of the orthonormal cosine transform, type II.</summary>
    private static double Wave(int frequency, int place) =>
        Math.Sqrt((frequency == 0 ? 1.0 : 2.0) / Side) * Math.Cos(Math.PI * ((2 * place) + 1) * frequency / (2 * Side));
}

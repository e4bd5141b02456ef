using Millrace.Runtime.Kernels.Int8;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime.Int8;

/// <summary>The tiles of every instruction path of this machine against a naive sum in 64 bits: the same integers, to the last one.</summary>
public sealed class ExactSumTests
{
    // Bytes that stand for themselves, weights of scale 1: the product writes the sum itself, exact in float32 below 2^24.
    private static readonly ByteScale Whole = new(1, 0);

    public static TheoryData<string, int, int, int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<string, int, int, int, int>();
            foreach (InstructionPath path in InstructionPaths.Here)
            {
                // outputs, kernel, channels, largest weight
                foreach ((int outputs, int kernel, int channels, int largest) in new[] { (1, 1, 1, 127), (16, 1, 8, 64), (24, 3, 20, 32), (40, 3, 64, 63), (16, 1, 400, 127), (8, 3, 16, 127) })
                {
                    shapes.Add(path.ToString(), outputs, kernel, channels, largest);
                }
            }

            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sums_of_random_bytes_are_exact(string path, int outputs, int kernel, int channels, int largest)
    {
        var random = new Random(outputs + channels + largest);
        var weights = new sbyte[outputs * kernel * kernel * channels];
        var inputs = new byte[7 * 6 * channels];
        for (int index = 0; index < weights.Length; index++)
        {
            weights[index] = (sbyte)random.Next(-largest, largest + 1);
        }

        random.NextBytes(inputs);
        CheckSums(Enum.Parse<InstructionPath>(path), weights, inputs, outputs, kernel, channels);
    }

    /// <summary>Weights and activations that saturate VPMADDUBSW wherever it is used without care: all of one sign, at their largest.</summary>
    [Fact]
    public void The_largest_products_saturate_nothing()
    {
        foreach (InstructionPath path in InstructionPaths.Here)
        {
            foreach (int weight in new[] { -128, -127, -65, -64, -33, -32, 32, 33, 64, 65, 127 })
            {
                CheckSums(path, [.. Enumerable.Repeat((sbyte)weight, 16 * 9 * 24)], [.. Enumerable.Repeat((byte)255, 7 * 6 * 24)], 16, 3, 24);
            }
        }
    }

    [Fact]
    public void Marks_tell_what_sixteen_bits_hold()
    {
        double Joint(int weight)
        {
            using var packed = new PackedWeights([.. Enumerable.Repeat((sbyte)weight, 16 * 16)], 16, 1, 16);
            return packed.JointShare;
        }

        Assert.Equal((1, 1, 0, 0), (Joint(32), Joint(-32), Joint(33), Joint(127)));
    }

    [Fact]
    public void Misfits_are_refused()
    {
        Assert.Contains("2 x 1 x 4 numbers, got 7", Assert.Throws<ArgumentException>(() => new PackedWeights(new sbyte[7], 2, 1, 4)).Message, StringComparison.Ordinal);
        Assert.Contains("fits 32 bits", Assert.Throws<ArgumentException>(() => new PackedWeights(new sbyte[70_000], 1, 1, 70_000)).Message, StringComparison.Ordinal);
    }

    private static void CheckSums(InstructionPath path, sbyte[] weights, byte[] inputs, int outputs, int kernel, int channels)
    {
        const int Height = 7, Width = 6;
        using var scope = NewDisposeScope();
        Tensor packed = tensor(weights, [outputs, kernel, kernel, channels], dtype: int8), image = tensor(inputs, [1, Height, Width, channels], dtype: uint8).permute(0, 3, 1, 2);
        using var product = new Int8Product(packed, ones(outputs), null, Whole, padding: kernel / 2) { Path = path };
        float[] sums = [.. product.Convolve(image.to(float32)).permute(0, 2, 3, 1).contiguous().data<float>()];

        int reach = kernel / 2;
        for (int index = 0; index < sums.Length; index++)
        {
            int output = index % outputs, x = index / outputs % Width, y = index / outputs / Width;
            long expected = 0;
            for (int tap = 0; tap < kernel * kernel; tap++)
            {
                int line = y + (tap / kernel) - reach, pixel = x + (tap % kernel) - reach;
                for (int channel = 0; channel < channels && line is >= 0 and < Height && pixel is >= 0 and < Width; channel++)
                {
                    expected += (long)inputs[(((line * Width) + pixel) * channels) + channel] * weights[(((output * kernel * kernel) + tap) * channels) + channel];
                }
            }

            Assert.Equal(expected, (long)sums[index]);
        }
    }
}

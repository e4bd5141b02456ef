using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>Float32 images to <see cref="ByteImage"/>s, in one pass with what stands before.</summary>
internal static unsafe class Int8Quantization
{
    /// <summary>Whether <see cref="Run(Tensor, GroupStatistics, ByteScale, int)"/> takes tensors of this many channels.</summary>
    public static bool Normalizes(long channels) => Vector256.IsHardwareAccelerated && channels % ByteLanes.Count == 0;

    /// <summary>Rounds an image to bytes.</summary>
    /// <param name="x">[B, C, H, W], float32; channels-last memory is read as it lies.</param>
    /// <param name="scale">What the bytes stand for.</param>
    /// <param name="border">Pixels around it, that stand for 0.</param>
    /// <param name="enlargement">How often each pixel is written, along each side: nearest-neighbour enlargement.</param>
    /// <returns>The caller's to dispose.</returns>
    public static ByteImage Run(Tensor x, ByteScale scale, int border, int enlargement = 1)
    {
        using Tensor view = x.permute(0, 2, 3, 1), pixels = view.contiguous();
        return Run(pixels, null, scale, border, enlargement);
    }

    /// <summary>Rounds SiLU of the group normalization of an image to bytes.</summary>
    /// <param name="pixels">[B, H, W, C], float32, contiguous, C a multiple of 16.</param>
    /// <param name="statistics">Of <paramref name="pixels"/>.</param>
    /// <param name="scale">What the bytes stand for.</param>
    /// <param name="border">Pixels around it, that stand for 0.</param>
    /// <returns>The caller's to dispose.</returns>
    public static ByteImage Run(Tensor pixels, GroupStatistics statistics, ByteScale scale, int border) => Run(pixels, statistics.Affine, scale, border, 1);

    private static ByteImage Run(Tensor pixels, float* affine, ByteScale scale, int border, int enlargement)
    {
        long[] shape = pixels.shape;
        ByteImage image = ByteImage.Create(shape[0], shape[1] * enlargement, shape[2] * enlargement, (int)shape[3], border);
        var job = new Job
        {
            Input = (float*)Lanes.Pointer(pixels),
            Affine = affine,
            Output = Lanes.Pointer(image.Values),
            Height = image.Height,
            Width = image.Width,
            Channels = image.Channels,
            Stride = (int)image.Values.shape[3],
            Border = border,
            Enlargement = enlargement,
            Inverse = 1 / scale.Scale,
            ZeroPoint = scale.ZeroPoint,
            Top = scale.Top,
        };
        image.FillBorder((byte)scale.ZeroPoint);
        ThreadTeam.Run(image.Rows * (int)shape[1], ref job, &Line);
        return image;
    }

    /// <summary>One line of the input: as many of the output as it is enlarged to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Line(ref Job job, int index)
    {
        int inHeight = job.Height / job.Enlargement, inWidth = job.Width / job.Enlargement, sample = index / inHeight, line = index % inHeight * job.Enlargement;
        long length = (long)(job.Width + (2 * job.Border)) * job.Stride;
        byte* target = job.Output + ((((long)sample * (job.Height + (2 * job.Border))) + line + job.Border) * length) + (job.Border * job.Stride);
        float* source = job.Input + ((long)index * inWidth * job.Channels), affine = job.Affine == null ? null : job.Affine + (2L * sample * job.Channels);
        if (affine == null && job.Enlargement == 1 && job.Stride == job.Channels)
        {
            Convert(job, source, target, job.Width * job.Channels);
            return;
        }

        for (int pixel = 0; pixel < inWidth; pixel++, source += job.Channels)
        {
            byte* first = target + ((long)pixel * job.Enlargement * job.Stride);
            if (affine == null)
            {
                Convert(job, source, first, job.Channels);
                new Span<byte>(first + job.Channels, job.Stride - job.Channels).Clear();
            }
            else
            {
                ConvertNormalized(job, source, affine, first);
            }

            for (int copy = 1; copy < job.Enlargement; copy++)
            {
                Buffer.MemoryCopy(first, first + (copy * job.Stride), job.Stride, job.Stride);
            }
        }

        for (int copy = 1; copy < job.Enlargement; copy++)
        {
            Buffer.MemoryCopy(target, target + (copy * length), (long)job.Width * job.Stride, (long)job.Width * job.Stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ConvertNormalized(in Job job, float* source, float* affine, byte* target)
    {
        Vector256<float> inverse = Vector256.Create(job.Inverse), zero = Vector256.Create(job.ZeroPoint), top = Vector256.Create(job.Top);
        float* shift = affine + job.Channels;
        for (int c = 0; c < job.Channels; c += ByteLanes.Count)
        {
            Vector256<float> low = ByteLanes.Silu((Vector256.Load(source + c) * Vector256.Load(affine + c)) + Vector256.Load(shift + c));
            Vector256<float> high = ByteLanes.Silu((Vector256.Load(source + c + 8) * Vector256.Load(affine + c + 8)) + Vector256.Load(shift + c + 8));
            ByteLanes.Store((low * inverse) + zero, (high * inverse) + zero, top, target + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Convert(in Job job, float* source, byte* target, int count)
    {
        Vector256<float> inverse = Vector256.Create(job.Inverse), zero = Vector256.Create(job.ZeroPoint), top = Vector256.Create(job.Top);
        int index = 0;
        for (; index <= count - ByteLanes.Count; index += ByteLanes.Count)
        {
            ByteLanes.Store((Vector256.Load(source + index) * inverse) + zero, (Vector256.Load(source + index + 8) * inverse) + zero, top, target + index);
        }

        for (; index < count; index++)
        {
            target[index] = ByteLanes.Of((source[index] * job.Inverse) + job.ZeroPoint, job.Top);
        }
    }

    private struct Job
    {
        public float* Input, Affine;
        public byte* Output;
        public int Height, Width, Channels, Stride, Border, Enlargement;
        public float Inverse, ZeroPoint, Top;
    }
}

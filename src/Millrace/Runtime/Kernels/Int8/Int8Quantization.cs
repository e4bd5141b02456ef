using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>Float32 images to <see cref="ByteImage"/>s.</summary>
internal static unsafe class Int8Quantization
{
    /// <summary>Rounds an image to bytes.</summary>
    /// <param name="x">[B, C, H, W], float32; channels-last memory is read as it lies.</param>
    /// <param name="scale">What the bytes stand for.</param>
    /// <param name="border">Pixels around it, that stand for 0.</param>
    /// <returns>The caller's to dispose.</returns>
    public static ByteImage Run(Tensor x, ByteScale scale, int border)
    {
        using Tensor view = x.permute(0, 2, 3, 1), pixels = view.contiguous();
        ByteImage image = ByteImage.Create(x.shape[0], x.shape[2], x.shape[3], (int)x.shape[1], border);
        var job = new Job
        {
            Input = (float*)Lanes.Pointer(pixels),
            Output = Lanes.Pointer(image.Values),
            Height = image.Height,
            Width = image.Width,
            Channels = image.Channels,
            Stride = (int)image.Values.shape[3],
            Border = border,
            Inverse = 1 / scale.Scale,
            ZeroPoint = scale.ZeroPoint,
            Top = scale.Top,
        };
        ThreadTeam.Run(image.Rows * (image.Height + (2 * border)), ref job, &Line);
        return image;
    }

    private static void Line(ref Job job, int index)
    {
        int lines = job.Height + (2 * job.Border), line = (index % lines) - job.Border;
        long length = (long)(job.Width + (2 * job.Border)) * job.Stride;
        byte* target = job.Output + (index * length);
        if (line < 0 || line >= job.Height)
        {
            new Span<byte>(target, (int)length).Fill((byte)job.ZeroPoint);
            return;
        }

        int edge = job.Border * job.Stride;
        new Span<byte>(target, edge).Fill((byte)job.ZeroPoint);
        new Span<byte>(target + length - edge, edge).Fill((byte)job.ZeroPoint);
        target += edge;
        float* source = job.Input + (((index / lines * (long)job.Height) + line) * job.Width * job.Channels);
        if (job.Stride == job.Channels)
        {
            Convert(job, source, target, job.Width * job.Channels);
            return;
        }

        for (int pixel = 0; pixel < job.Width; pixel++, source += job.Channels, target += job.Stride)
        {
            Convert(job, source, target, job.Channels);
            new Span<byte>(target + job.Channels, job.Stride - job.Channels).Clear();
        }
    }

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
        public float* Input;
        public byte* Output;
        public int Height, Width, Channels, Stride, Border;
        public float Inverse, ZeroPoint, Top;
    }
}

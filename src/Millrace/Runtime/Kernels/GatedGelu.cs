using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels;

/// <summary>a gelu(b), where a and b are the halves of each token (GEGLU; Shazeer 2020, arXiv 2002.05202, equation 6), in one pass.</summary>
internal static unsafe class GatedGelu
{
    private const int BlockRows = 16;

    /// <summary>Whether <see cref="Run"/> takes this tensor.</summary>
    public static bool Handles(Tensor x) =>
        Lanes.Supported && x.device_type == DeviceType.CPU && Lanes.Handles(x.dtype) && x.shape[^1] % (2 * Lanes.Count) == 0;

    /// <summary>Gates each token.</summary>
    /// <param name="x">[B, N, 2 * width], float32 or bfloat16, width a multiple of 16.</param>
    /// <returns>[B, N, width]; the caller's to dispose.</returns>
    public static Tensor Run(Tensor x)
    {
        using Tensor input = x.contiguous();
        int width = (int)(x.shape[2] / 2), rows = (int)(x.shape[0] * x.shape[1]);
        Tensor output = empty([x.shape[0], x.shape[1], width], dtype: x.dtype);
        var job = new Job { Input = Lanes.Pointer(input), Output = Lanes.Pointer(output), Rows = rows, Width = width, BFloat = x.dtype == ScalarType.BFloat16 };
        ThreadTeam.Run((rows + BlockRows - 1) / BlockRows, ref job, &Block);
        return output;
    }

    private static void Block(ref Job job, int index)
    {
        int last = Math.Min(job.Rows, (index + 1) * BlockRows);
        for (int row = index * BlockRows; row < last; row++)
        {
            long source = 2L * row * job.Width, target = (long)row * job.Width;
            for (int c = 0; c < job.Width; c += Lanes.Count)
            {
                Vector512<float> value = Lanes.Load(job.Input, source + c, job.BFloat), gate = Lanes.Load(job.Input, source + job.Width + c, job.BFloat);
                Lanes.Store(value * Lanes.Gelu(gate), job.Output, target + c, job.BFloat);
            }
        }
    }

    private struct Job
    {
        public byte* Input, Output;
        public int Rows, Width;
        public bool BFloat;
    }
}

using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels;

/// <summary>Group normalization (Wu and He 2018, arXiv 1803.08494) with an optional SiLU behind it, in two passes over channels-last memory.</summary>
/// <remarks>
/// libtorch needs four: statistics, scale and shift, then SiLU's read and write. The first is that of <see cref="GroupStatistics"/>.
/// </remarks>
internal static unsafe class GroupNormalization
{
    /// <summary>Whether <see cref="Run"/> takes this tensor.</summary>
    public static bool Handles(Tensor x) =>
        Lanes.Supported && x.device_type == DeviceType.CPU && Lanes.Handles(x.dtype) && x.shape[1] % Lanes.Count == 0;

    /// <summary>Normalizes each group of channels of each row.</summary>
    /// <param name="x">[B, C, H, W], channels-last, float32 or bfloat16, C a multiple of 16.</param>
    /// <param name="groups">Number of groups; divides C.</param>
    /// <param name="weight">[C], float32.</param>
    /// <param name="bias">[C], float32.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="silu">Whether SiLU follows.</param>
    /// <returns>[B, C, H, W], channels-last; the caller's to dispose.</returns>
    public static Tensor Run(Tensor x, int groups, Tensor weight, Tensor bias, double epsilon, bool silu)
    {
        using Tensor view = x.permute(0, 2, 3, 1), rows = view.contiguous(), result = empty_like(rows);
        using var statistics = new GroupStatistics(rows, groups, weight, bias, epsilon);
        var job = new Job
        {
            Input = Lanes.Pointer(rows),
            Output = Lanes.Pointer(result),
            BFloat = x.dtype == ScalarType.BFloat16,
            Channels = (int)x.shape[1],
            Rows = (int)(x.shape[2] * x.shape[3]),
            Blocks = statistics.Blocks,
            Silu = silu,
            Affine = statistics.Affine,
        };
        ThreadTeam.Run((int)x.shape[0] * job.Blocks, ref job, &Apply);
        return result.permute(0, 3, 1, 2);
    }

    private static void Apply(ref Job job, int index)
    {
        (long first, int count) = GroupStatistics.Block(index, job.Blocks, job.Rows);
        float* scale = job.Affine + (2L * (index / job.Blocks) * job.Channels), shift = scale + job.Channels;
        for (int row = 0; row < count; row++)
        {
            long start = (first + row) * job.Channels;
            for (int c = 0; c < job.Channels; c += Lanes.Count)
            {
                Vector512<float> y = Avx512F.FusedMultiplyAdd(Lanes.Load(job.Input, start + c, job.BFloat), Vector512.Load(scale + c), Vector512.Load(shift + c));
                Lanes.Store(job.Silu ? Lanes.Silu(y) : y, job.Output, start + c, job.BFloat);
            }
        }
    }

    private struct Job
    {
        public byte* Input, Output;
        public float* Affine;
        public int Channels, Rows, Blocks;
        public bool BFloat, Silu;
    }
}

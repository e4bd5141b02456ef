using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels;

/// <summary>Group normalization (Wu and He 2018, arXiv 1803.08494) with an optional SiLU behind it, in two passes over channels-last memory.</summary>
/// <remarks>
/// libtorch needs four: statistics, scale and shift, then SiLU's read and write. The sums are centred in each block of rows and
/// merged in double precision (Chan et al. 1979), so that a large mean does not eat the variance.
/// </remarks>
internal static unsafe class GroupNormalization
{
    private const int BlockRows = 64;

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
        int channels = (int)x.shape[1], batch = (int)x.shape[0], rowsPerSample = (int)(x.shape[2] * x.shape[3]);
        int blocks = (rowsPerSample + BlockRows - 1) / BlockRows;
        var statistics = (float*)NativeMemory.AlignedAlloc((nuint)(2L * batch * (blocks + 1) * channels * sizeof(float)), 64);
        var job = new Job
        {
            Input = Lanes.Pointer(rows),
            Output = Lanes.Pointer(result),
            BFloat = x.dtype == ScalarType.BFloat16,
            Channels = channels,
            Rows = rowsPerSample,
            Blocks = blocks,
            Silu = silu,
            Partial = statistics,
            Affine = statistics + (2L * batch * blocks * channels),
        };
        ThreadTeam.Run(batch * blocks, ref job, &Sum);
        var scale = (float*)Lanes.Pointer(weight);
        var shift = (float*)Lanes.Pointer(bias);
        for (int sample = 0; sample < batch; sample++)
        {
            Merge(job, sample, groups, scale, shift, epsilon);
        }

        ThreadTeam.Run(batch * blocks, ref job, &Apply);
        NativeMemory.AlignedFree(statistics);
        return result.permute(0, 3, 1, 2);
    }

    /// <summary>Mean and centred square sum of each channel over one block of rows.</summary>
    private static void Sum(ref Job job, int index)
    {
        (long first, int count) = job.Block(index);
        float* mean = job.Partial + (2L * index * job.Channels), square = mean + job.Channels;
        for (int c = 0; c < job.Channels; c += Lanes.Count)
        {
            Vector512<float> sum = default, squares = default;
            for (int row = 0; row < count; row++)
            {
                sum += Lanes.Load(job.Input, ((first + row) * job.Channels) + c, job.BFloat);
            }

            Vector512<float> centre = sum / Vector512.Create((float)count);
            for (int row = 0; row < count; row++)
            {
                Vector512<float> distance = Lanes.Load(job.Input, ((first + row) * job.Channels) + c, job.BFloat) - centre;
                squares = Avx512F.FusedMultiplyAdd(distance, distance, squares);
            }

            centre.Store(mean + c);
            squares.Store(square + c);
        }
    }

    /// <summary>Merges blocks and channels into the group's mean and variance, and these into one scale and shift a channel.</summary>
    private static void Merge(in Job job, int sample, int groups, float* weight, float* bias, double epsilon)
    {
        int width = job.Channels / groups;
        float* scale = job.Affine + (2L * sample * job.Channels), shift = scale + job.Channels;
        for (int group = 0; group < groups; group++)
        {
            double total = 0, squares = 0, between = 0;
            double mean = 0;
            for (int pass = 0; pass < 2; pass++)
            {
                for (int block = 0; block < job.Blocks; block++)
                {
                    int index = (sample * job.Blocks) + block, count = job.Block(index).Count;
                    float* means = job.Partial + (2L * index * job.Channels);
                    for (int c = group * width; c < (group + 1) * width; c++)
                    {
                        if (pass == 0)
                        {
                            total += (double)means[c] * count;
                            squares += means[c + job.Channels];
                        }
                        else
                        {
                            between += count * (means[c] - mean) * (means[c] - mean);
                        }
                    }
                }

                mean = total / ((double)width * job.Rows);
            }

            double inverse = 1 / Math.Sqrt(((squares + between) / ((double)width * job.Rows)) + epsilon);
            for (int c = group * width; c < (group + 1) * width; c++)
            {
                scale[c] = (float)(weight[c] * inverse);
                shift[c] = (float)(bias[c] - (mean * weight[c] * inverse));
            }
        }
    }

    private static void Apply(ref Job job, int index)
    {
        (long first, int count) = job.Block(index);
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
        public float* Partial, Affine;
        public int Channels, Rows, Blocks;
        public bool BFloat, Silu;

        /// <summary>First row over the whole batch and number of rows of one block.</summary>
        public readonly (long First, int Count) Block(int index)
        {
            int start = index % Blocks * BlockRows;
            return ((index / Blocks * (long)Rows) + start, Math.Min(BlockRows, Rows - start));
        }
    }
}

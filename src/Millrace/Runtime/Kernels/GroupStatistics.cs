using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels;

/// <summary>
/// The first pass of every group normalization (Wu and He 2018, arXiv 1803.08494) over channels-last memory: mean and variance of each
/// group, as one scale and shift a channel for whatever pass follows.
/// </summary>
/// <remarks>The sums are centred in each block of rows and merged in double precision (Chan et al. 1979), so that a large mean does not eat the variance.</remarks>
internal sealed unsafe class GroupStatistics : IDisposable
{
    /// <summary>Rows (pixels) of a block.</summary>
    public const int BlockRows = 64;

    private const int Width = 8;

    private float* _memory;

    /// <summary>Measures.</summary>
    /// <param name="pixels">[B, H, W, C], contiguous, float32 or bfloat16, C a multiple of 8.</param>
    /// <param name="groups">Number of groups; divides C.</param>
    /// <param name="weight">[C], float32.</param>
    /// <param name="bias">[C], float32.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public GroupStatistics(Tensor pixels, int groups, Tensor weight, Tensor bias, double epsilon)
    {
        int batch = (int)pixels.shape[0], channels = (int)pixels.shape[3], rows = (int)(pixels.shape[1] * pixels.shape[2]);
        Blocks = (rows + BlockRows - 1) / BlockRows;
        _memory = (float*)NativeMemory.AlignedAlloc((nuint)(2L * batch * (Blocks + 1) * channels * sizeof(float)), 64);
        Affine = _memory + (2L * batch * Blocks * channels);
        var job = new Job
        {
            Input = Lanes.Pointer(pixels),
            BFloat = pixels.dtype == ScalarType.BFloat16,
            Channels = channels,
            Rows = rows,
            Blocks = Blocks,
            Partial = _memory,
        };
        ThreadTeam.Run(batch * Blocks, ref job, &Sum);
        var scale = (float*)Lanes.Pointer(weight);
        var shift = (float*)Lanes.Pointer(bias);
        for (int sample = 0; sample < batch; sample++)
        {
            Merge(job, sample, groups, scale, shift, Affine + (2L * sample * channels), epsilon);
        }
    }

    ~GroupStatistics() => Free();

    /// <summary>Blocks of a sample.</summary>
    public int Blocks { get; }

    /// <summary>Scale of each channel and, behind them, shift of each channel; one sample behind the other.</summary>
    public float* Affine { get; }

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>First row over the whole batch and number of rows of one block.</summary>
    public static (long First, int Count) Block(int index, int blocks, int rows)
    {
        int start = index % blocks * BlockRows;
        return ((index / blocks * (long)rows) + start, Math.Min(BlockRows, rows - start));
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    /// <summary>Mean and centred square sum of each channel over one block of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum(ref Job job, int index)
    {
        (long first, int count) = Block(index, job.Blocks, job.Rows);
        float* mean = job.Partial + (2L * index * job.Channels), square = mean + job.Channels;
        for (int c = 0; c < job.Channels; c += Width)
        {
            Vector256<float> sum = default, squares = default;
            for (int row = 0; row < count; row++)
            {
                sum += Load(job, ((first + row) * job.Channels) + c);
            }

            Vector256<float> centre = sum / Vector256.Create((float)count);
            for (int row = 0; row < count; row++)
            {
                Vector256<float> distance = Load(job, ((first + row) * job.Channels) + c) - centre;
                squares += distance * distance;
            }

            centre.Store(mean + c);
            squares.Store(square + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load(in Job job, long element)
    {
        if (!job.BFloat)
        {
            return Vector256.Load((float*)job.Input + element);
        }

        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Load((ushort*)job.Input + element));
        return (Vector256.Create(low, high) << 16).AsSingle();
    }

    /// <summary>Merges blocks and channels into the group's mean and variance, and these into one scale and shift a channel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Merge(in Job job, int sample, int groups, float* weight, float* bias, float* affine, double epsilon)
    {
        int width = job.Channels / groups;
        for (int group = 0; group < groups; group++)
        {
            double total = 0, squares = 0, between = 0;
            double mean = 0;
            for (int pass = 0; pass < 2; pass++)
            {
                for (int block = 0; block < job.Blocks; block++)
                {
                    int index = (sample * job.Blocks) + block, count = Block(index, job.Blocks, job.Rows).Count;
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
                affine[c] = (float)(weight[c] * inverse);
                affine[c + job.Channels] = (float)(bias[c] - (mean * weight[c] * inverse));
            }
        }
    }

    private struct Job
    {
        public byte* Input;
        public float* Partial;
        public int Channels, Rows, Blocks;
        public bool BFloat;
    }
}

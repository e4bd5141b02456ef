using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>
/// A convolution or a matrix product of unsigned 8-bit activations with signed 8-bit weights: sums in 32 bits, exact on every
/// <see cref="InstructionPath"/>; scale, bias and activation as they are written. Never changed after it was made: one instance serves
/// any number of threads.
/// </summary>
/// <remarks>
/// With x = s (q - z) and w = s_n w_q of output n, the sum over x w is s s_n (sum over q w_q - z sum over w_q): the second term and the
/// bias are one number an output. No patch of the image is ever copied: the tile reads each tap where it lies. Kernels are compiled
/// with all optimizations at their first call: between libtorch's waiting threads the compiler of hot methods gets no turn for seconds.
/// </remarks>
internal sealed unsafe class Int8Product : IDisposable
{
    // Pixels of a job: its input stays in the first-level cache while the column tiles go over it.
    private const int MostPixels = 96;

    // Jobs for each thread, so that none waits long for the last.
    private const int JobsPerThread = 4;

    private readonly PackedWeights _weights;
    private readonly ByteScale _input;
    private readonly int _kernel;
    private readonly int _stride;
    private readonly int _padding;
    private float* _scale;
    private readonly float* _shift;

    /// <summary>Makes the product.</summary>
    /// <param name="weights">[outputs, kernel, kernel, inputs] or [outputs, inputs], int8, contiguous.</param>
    /// <param name="scales">Scale of each output's weights, [outputs], float32.</param>
    /// <param name="bias">[outputs], float32; null for none.</param>
    /// <param name="input">What the bytes of the input stand for.</param>
    /// <param name="stride">Step of the kernel.</param>
    /// <param name="padding">Zeros around the input.</param>
    public Int8Product(Tensor weights, Tensor scales, Tensor? bias, ByteScale input, int stride = 1, int padding = 0)
    {
        int outputs = (int)weights.shape[0];
        (_kernel, _stride, _padding, _input) = (weights.dim() == 4 ? (int)weights.shape[1] : 1, stride, padding, input);
        _weights = new PackedWeights(MemoryMarshal.Cast<byte, sbyte>(weights.bytes), outputs, _kernel * _kernel, (int)weights.shape[^1]);
        int columns = _weights.Tiles * PackedWeights.Columns;
        _scale = (float*)NativeMemory.AlignedAlloc((nuint)(2 * columns * sizeof(float)), 64);
        _shift = _scale + columns;
        new Span<float>(_scale, 2 * columns).Clear();
        using Tensor flat = scales.contiguous();
        using Tensor? offsets = bias?.contiguous();
        for (int output = 0; output < outputs; output++)
        {
            _scale[output] = ((float*)Lanes.Pointer(flat))[output] * input.Scale;
            _shift[output] = (offsets is null ? 0 : ((float*)Lanes.Pointer(offsets))[output]) - (_scale[output] * input.ZeroPoint * _weights.ColumnSums[output]);
        }
    }

    ~Int8Product() => Free();

    /// <summary>The instructions in use; the best of this machine unless a test asks for others.</summary>
    public InstructionPath Path { get; init; } = InstructionPaths.Best;

    /// <summary>Pixels around the image that it reads.</summary>
    public int Padding => _padding;

    /// <summary>What the bytes of its input stand for.</summary>
    public ByteScale Input => _input;

    /// <summary>Rounds an image and convolves it.</summary>
    /// <param name="x">[B, C, H, W], of any floating-point type.</param>
    /// <returns>[B, outputs, H', W'], of the type of <paramref name="x"/>, channels-last; the caller's to dispose.</returns>
    public Tensor Convolve(Tensor x) => Convolve(x, enlargement: 1);

    /// <summary>Enlarges an image, every pixel to four, rounds it and convolves it.</summary>
    /// <param name="x">[B, C, H, W], of any floating-point type.</param>
    /// <returns>[B, outputs, H', W'], of the type of <paramref name="x"/>, channels-last; the caller's to dispose.</returns>
    public Tensor ConvolveDoubled(Tensor x) => Convolve(x, enlargement: 2);

    /// <summary>Rounds tokens and multiplies them.</summary>
    /// <param name="tokens">[..., inputs], of any floating-point type.</param>
    /// <returns>[..., outputs], of the same type; the caller's to dispose.</returns>
    public Tensor Multiply(Tensor tokens)
    {
        using Tensor rows = tokens.contiguous(), image = rows.view(1, 1, -1, tokens.shape[^1]), pixels = image.permute(0, 3, 1, 2);
        using Tensor product = Convolve(pixels), last = product.permute(0, 2, 3, 1);
        return last.view([.. tokens.shape[..^1], _weights.Outputs]);
    }

    /// <summary>Convolves bytes to numbers.</summary>
    /// <param name="image">With a border as wide as <see cref="Padding"/> at least.</param>
    /// <param name="activation">Applied to the result.</param>
    /// <param name="addend">Added before the activation, [B, outputs, H', W'], float32, channels-last; null for nothing.</param>
    /// <returns>[B, outputs, H', W'], float32, channels-last; the caller's to dispose.</returns>
    public Tensor Run(ByteImage image, ByteActivation activation = ByteActivation.None, Tensor? addend = null)
    {
        (long height, long width) = Sides(image);
        using Tensor output = empty([image.Rows, height, width, _weights.Outputs]);
        using Tensor? view = addend?.permute(0, 2, 3, 1), added = view?.contiguous();
        var job = new Job { Numbers = (float*)Lanes.Pointer(output), Addend = added is null ? null : (float*)Lanes.Pointer(added), Activation = activation };
        Run(ref job, image, (int)height, (int)width);
        return output.permute(0, 3, 1, 2);
    }

    /// <summary>Convolves bytes to the bytes of the next product.</summary>
    /// <param name="image">With a border as wide as <see cref="Padding"/> at least.</param>
    /// <param name="next">What the bytes of the result stand for.</param>
    /// <param name="border">Border of the result.</param>
    /// <param name="activation">Applied before rounding.</param>
    /// <returns>The caller's to dispose.</returns>
    public ByteImage Run(ByteImage image, ByteScale next, int border, ByteActivation activation = ByteActivation.None)
    {
        (long height, long width) = Sides(image);
        ByteImage output = ByteImage.Create(image.Rows, height, width, _weights.Outputs, border);
        output.FillBorder((byte)next.ZeroPoint);
        var job = new Job { Bytes = Lanes.Pointer(output.Values), Border = border, BytesStride = (int)output.Values.shape[3], Inverse = 1 / next.Scale, ZeroPoint = next.ZeroPoint, Top = next.Top, Activation = activation };
        Run(ref job, image, (int)height, (int)width);
        return output;
    }

    /// <summary>Releases the weights.</summary>
    public void Dispose()
    {
        _weights.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    private Tensor Convolve(Tensor x, int enlargement)
    {
        using Tensor numbers = x.to(float32);
        ByteImage image = Int8Quantization.Run(numbers, _input, _padding, enlargement);
        using Tensor bytes = image.Values, product = Run(image);
        return product.to(x.dtype);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_scale);
        _scale = null;
    }

    private (long Height, long Width) Sides(ByteImage image)
    {
        long Side(long side) => ((side + (2 * _padding) - _kernel) / _stride) + 1;
        return (Side(image.Height), Side(image.Width));
    }

    private void Run(ref Job job, ByteImage image, int height, int width)
    {
        ObjectDisposedException.ThrowIf(_scale == null, this);
        int stride = (int)image.Values.shape[3], line = (int)image.Values.shape[2] * stride, rows = Path.TileRows(), pixels = image.Rows * height * width;
        int threads = TorchSharp.torch.get_num_threads(), wanted = JobsPerThread * threads;
        long* taps = stackalloc long[_kernel * _kernel];
        for (int tap = 0; tap < _kernel * _kernel; tap++)
        {
            taps[tap] = ((long)(tap / _kernel) * line) + (tap % _kernel * stride);
        }

        int share = (((pixels + wanted - 1) / wanted) + rows - 1) / rows * rows;
        int chunk = Math.Min(share, MostPixels / rows * rows), chunks = (pixels + chunk - 1) / chunk;
        int groups = chunks >= wanted ? 1 : Math.Min(_weights.Tiles, (wanted + chunks - 1) / chunks);

        // The first tap of the first pixel lies as far inside the border as the border is wider than the padding.
        int inset = image.Border - _padding;
        job.Input = Lanes.Pointer(image.Values) + ((long)inset * line) + ((long)inset * stride);
        job.Taps = taps;
        (job.Path, job.TileRows, job.Pixels, job.Chunk, job.Groups) = (Path, rows, pixels, chunk, groups);
        (job.Height, job.Width, job.ImageStride) = (height, width, (long)image.Values.shape[1] * line);
        (job.LineStride, job.PixelStride) = ((long)line * _stride, (long)stride * _stride);
        job.Scale = _scale;
        job.Shift = _shift;
        job.Outputs = _weights.Outputs;
        GCHandle weights = GCHandle.Alloc(_weights);
        job.Weights = GCHandle.ToIntPtr(weights);
        ThreadTeam.Run(chunks * groups, ref job, &Chunk);
        weights.Free();
        GC.KeepAlive(image.Values);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Chunk(ref Job job, int index)
    {
        var weights = (PackedWeights)GCHandle.FromIntPtr(job.Weights).Target!;
        int first = index / job.Groups * job.Chunk, count = Math.Min(job.Chunk, job.Pixels - first), group = index % job.Groups;
        byte** sources = stackalloc byte*[MostPixels + job.TileRows];
        long* targets = stackalloc long[MostPixels];
        for (int pixel = 0; pixel < count; pixel++)
        {
            int x = (first + pixel) % job.Width, line = (first + pixel) / job.Width, y = line % job.Height, row = line / job.Height;
            sources[pixel] = job.Input + (row * job.ImageStride) + (y * job.LineStride) + (x * job.PixelStride);
            targets[pixel] = job.Bytes == null
                ? (long)(first + pixel) * job.Outputs
                : ((((row * (long)(job.Height + (2 * job.Border))) + y + job.Border) * (job.Width + (2 * job.Border))) + x + job.Border) * job.BytesStride;
        }

        for (int spare = 0; spare < job.TileRows; spare++)
        {
            sources[count + spare] = sources[count - 1]; // the last tile computes whole, and writes what there is
        }

        int* sums = stackalloc int[job.TileRows * PackedWeights.Columns];
        var operands = new TileOperands { Taps = job.Taps, Sums = sums };
        for (int tile = group * weights.Tiles / job.Groups; tile < (group + 1) * weights.Tiles / job.Groups; tile++)
        {
            weights.Select(ref operands, tile);
            for (int pixel = 0; pixel < count; pixel += job.TileRows)
            {
                operands.Rows = sources + pixel;
                TileProduct.Run(job.Path, operands);
                int rows = Math.Min(job.TileRows, count - pixel);
                for (int row = 0; row < rows; row++)
                {
                    Write(job, sums + (row * PackedWeights.Columns), tile * PackedWeights.Columns, targets[pixel + row]);
                }
            }
        }
    }

    /// <summary>Writes the sums of one pixel and 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Write(in Job job, int* sums, int column, long target)
    {
        int count = Math.Min(PackedWeights.Columns, job.Outputs - column);
        float* addend = job.Addend == null ? null : job.Addend + target + column;
        Vector256<float> low = Finish(job, sums, column), high = Finish(job, sums + 8, column + 8);
        if (count < PackedWeights.Columns)
        {
            WritePart(job, low, high, addend, count, target + column);
            return;
        }

        if (addend != null)
        {
            low += Vector256.Load(addend);
            high += Vector256.Load(addend + 8);
        }

        if (job.Activation == ByteActivation.Relu)
        {
            low = Vector256.MaxNative(low, Vector256<float>.Zero);
            high = Vector256.MaxNative(high, Vector256<float>.Zero);
        }

        if (job.Bytes == null)
        {
            low.Store(job.Numbers + target + column);
            high.Store(job.Numbers + target + column + 8);
        }
        else
        {
            Vector256<float> inverse = Vector256.Create(job.Inverse), zero = Vector256.Create(job.ZeroPoint), top = Vector256.Create(job.Top);
            ByteLanes.Store((low * inverse) + zero, (high * inverse) + zero, top, job.Bytes + target + column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WritePart(in Job job, Vector256<float> low, Vector256<float> high, float* addend, int count, long target)
    {
        float* numbers = stackalloc float[PackedWeights.Columns];
        low.Store(numbers);
        high.Store(numbers + 8);
        for (int output = 0; output < count; output++)
        {
            float value = numbers[output] + (addend == null ? 0 : addend[output]);
            value = job.Activation == ByteActivation.Relu ? MathF.Max(value, 0) : value;
            if (job.Bytes == null)
            {
                job.Numbers[target + output] = value;
            }
            else
            {
                job.Bytes[target + output] = ByteLanes.Of((value * job.Inverse) + job.ZeroPoint, job.Top);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Finish(in Job job, int* sums, int column) =>
        (Vector256.ConvertToSingle(Vector256.Load(sums)) * Vector256.Load(job.Scale + column)) + Vector256.Load(job.Shift + column);

    private struct Job
    {
        public byte* Input, Bytes;
        public float* Numbers, Addend, Scale, Shift;
        public long* Taps;
        public nint Weights;
        public InstructionPath Path;
        public ByteActivation Activation;
        public long ImageStride, LineStride, PixelStride;
        public int TileRows, Pixels, Chunk, Groups, Height, Width, Outputs, Border, BytesStride;
        public float Inverse, ZeroPoint, Top;
    }
}

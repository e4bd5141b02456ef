using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Runtime.Kernels;

/// <summary>
/// Softmax attention over token-major tensors, softmax(q k^T / sqrt(d)) v with the running softmax of FlashAttention
/// (Dao et al. 2022, arXiv 2205.14135, algorithm 1): no [queries, keys] matrix is ever written.
/// </summary>
/// <remarks>
/// Against libtorch's own kernel this one gains at small head widths, where a matrix product has little to work on: keys are
/// packed once a head so that sixteen of them share a vector, eight queries at a time stay in registers, scores of a key block
/// stay in the first-level cache, and the heads are read where the projections wrote them, with no transposed copy.
/// </remarks>
internal static unsafe class Attention
{
    private const int QueryTile = 8;
    private const int KeyBlock = 256;

    /// <summary>Whether the kernel takes tokens of this kind.</summary>
    public static bool Handles(Tensor tokens, int width, int heads) =>
        Lanes.Supported && tokens.device_type == DeviceType.CPU && Lanes.Handles(tokens.dtype) && width / heads % Lanes.Count == 0;

    /// <summary>Attention of every head; query, key and value lie side by side in each token, as one projection writes them.</summary>
    /// <param name="queryKeyValue">[B, S, 3 * heads * d], float32 or bfloat16, d a multiple of 16.</param>
    /// <param name="heads">Number of heads.</param>
    /// <returns>[B, S, heads * d]; the caller's to dispose.</returns>
    public static Tensor Run(Tensor queryKeyValue, int heads)
    {
        int width = (int)queryKeyValue.shape[2] / 3;
        return Run(queryKeyValue, 0, queryKeyValue, width, 2 * width, width, heads);
    }

    /// <summary>Attention of every head to a context, whose key and value lie side by side in each token.</summary>
    /// <param name="query">[B, Sq, heads * d], float32 or bfloat16, d a multiple of 16.</param>
    /// <param name="keyValue">[B, Sk, 2 * heads * d], of the same type.</param>
    /// <param name="heads">Number of heads.</param>
    /// <returns>[B, Sq, heads * d]; the caller's to dispose.</returns>
    public static Tensor Run(Tensor query, Tensor keyValue, int heads)
    {
        int width = (int)query.shape[2];
        return Run(query, 0, keyValue, 0, width, width, heads);
    }

    private static Tensor Run(Tensor query, int queryOffset, Tensor context, int keyOffset, int valueOffset, int width, int heads)
    {
        using Tensor q = query.contiguous(), kv = context.contiguous();
        Tensor output = empty([q.shape[0], q.shape[1], width], dtype: q.dtype);
        int size = q.dtype == ScalarType.BFloat16 ? 2 : 4;
        var job = new Job
        {
            Query = Lanes.Pointer(q) + (queryOffset * size),
            Key = Lanes.Pointer(kv) + (keyOffset * size),
            Value = Lanes.Pointer(kv) + (valueOffset * size),
            Output = Lanes.Pointer(output),
            Queries = (int)q.shape[1],
            Keys = (int)kv.shape[1],
            QueryStride = (int)q.shape[2],
            KeyStride = (int)kv.shape[2],
            Heads = heads,
            HeadWidth = width / heads,
            BFloat = q.dtype == ScalarType.BFloat16,
        };
        ThreadTeam.Run((int)q.shape[0] * heads, ref job, &Head);
        return output;
    }

    private static void Head(ref Job job, int index)
    {
        int d = job.HeadWidth, groups = (job.Keys + Lanes.Count - 1) / Lanes.Count;
        long width = (long)job.Heads * d, column = index % job.Heads * (long)d, batch = index / job.Heads;
        long queryStart = (batch * job.Queries * job.QueryStride) + column, keyStart = (batch * job.Keys * job.KeyStride) + column;
        long outputStart = (batch * job.Queries * width) + column;

        // keys [group][d][16], values [key][d], one tile of queries [8][d], of outputs [8][d], of scores [8][block].
        nuint keySize = (nuint)groups * Lanes.Count * (nuint)d, tileSize = (nuint)(QueryTile * d);
        var scratch = (float*)NativeMemory.AlignedAlloc(((2 * keySize) + (2 * tileSize) + (QueryTile * KeyBlock)) * sizeof(float), 64);
        float* keys = scratch, values = keys + keySize, queries = values + keySize, outputs = queries + tileSize, scores = outputs + tileSize;
        PackKeys(job, keyStart, keys, groups);
        for (int row = 0; row < job.Keys; row++)
        {
            for (int c = 0; c < d; c += Lanes.Count)
            {
                Lanes.Load(job.Value, keyStart + ((long)row * job.KeyStride) + c, job.BFloat).Store(values + ((long)row * d) + c);
            }
        }

        // Base-2 exponentials: log2(e) is folded into the usual 1 / sqrt(d).
        Vector512<float> scale = Vector512.Create((float)(1 / (Math.Sqrt(d) * Math.Log(2))));
        for (int first = 0; first < job.Queries; first += QueryTile)
        {
            for (int row = 0; row < QueryTile; row++)
            {
                long source = queryStart + ((long)Math.Min(first + row, job.Queries - 1) * job.QueryStride);
                for (int c = 0; c < d; c += Lanes.Count)
                {
                    (Lanes.Load(job.Query, source + c, job.BFloat) * scale).Store(queries + (row * d) + c);
                }
            }

            Tile(queries, keys, values, outputs, scores, job.Keys, d);
            for (int row = 0; row < QueryTile && first + row < job.Queries; row++)
            {
                for (int c = 0; c < d; c += Lanes.Count)
                {
                    Lanes.Store(Vector512.Load(outputs + (row * d) + c), job.Output, outputStart + ((first + row) * width) + c, job.BFloat);
                }
            }
        }

        NativeMemory.AlignedFree(scratch);
    }

    private static void PackKeys(in Job job, long keyStart, float* keys, int groups)
    {
        int d = job.HeadWidth;
        float* row = stackalloc float[Lanes.Count];
        for (int key = 0; key < groups * Lanes.Count; key++)
        {
            float* group = keys + ((long)(key / Lanes.Count) * d * Lanes.Count) + (key % Lanes.Count);
            for (int c = 0; c < d; c += Lanes.Count)
            {
                Vector512<float> lanes = key < job.Keys ? Lanes.Load(job.Key, keyStart + ((long)key * job.KeyStride) + c, job.BFloat) : default;
                lanes.Store(row);
                for (int lane = 0; lane < Lanes.Count; lane++)
                {
                    group[(c + lane) * Lanes.Count] = row[lane];
                }
            }
        }
    }

    /// <summary>Eight queries against all keys: output = sum of 2^(s - max) v over sum of 2^(s - max), block of keys by block.</summary>
    private static void Tile(float* queries, float* keys, float* values, float* outputs, float* scores, int keyCount, int d)
    {
        float* maximum = stackalloc float[QueryTile];
        float* total = stackalloc float[QueryTile];
        new Span<float>(maximum, QueryTile).Fill(float.NegativeInfinity);
        new Span<float>(total, QueryTile).Clear();
        new Span<float>(outputs, QueryTile * d).Clear();

        for (int start = 0; start < keyCount; start += KeyBlock)
        {
            int count = Math.Min(KeyBlock, keyCount - start), padded = (count + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
            Scores(queries, keys + ((long)start * d), scores, padded, d);
            for (int row = 0; row < QueryTile; row++)
            {
                float* line = scores + (row * KeyBlock);
                for (int key = count; key < padded; key++)
                {
                    line[key] = float.NegativeInfinity;
                }

                Vector512<float> best = Vector512.Load(line);
                for (int key = Lanes.Count; key < padded; key += Lanes.Count)
                {
                    best = Vector512.Max(best, Vector512.Load(line + key));
                }

                float top = maximum[row];
                for (int lane = 0; lane < Lanes.Count; lane++)
                {
                    top = Math.Max(top, best.GetElement(lane));
                }

                Vector512<float> sum = default, shift = Vector512.Create(top);
                for (int key = 0; key < padded; key += Lanes.Count)
                {
                    Vector512<float> p = Lanes.Exp2(Vector512.Load(line + key) - shift);
                    p.Store(line + key);
                    sum += p;
                }

                float rescale = start == 0 ? 0 : MathF.Pow(2, maximum[row] - top);
                total[row] = (total[row] * rescale) + Vector512.Sum(sum);
                maximum[row] = top;
                for (int c = 0; c < d; c += Lanes.Count)
                {
                    (Vector512.Load(outputs + (row * d) + c) * Vector512.Create(rescale)).Store(outputs + (row * d) + c);
                }
            }

            Accumulate(scores, values + ((long)start * d), outputs, count, d);
        }

        for (int row = 0; row < QueryTile; row++)
        {
            Vector512<float> inverse = Vector512.Create(1 / total[row]);
            for (int c = 0; c < d; c += Lanes.Count)
            {
                (Vector512.Load(outputs + (row * d) + c) * inverse).Store(outputs + (row * d) + c);
            }
        }
    }

    /// <summary>scores[8][keys] = queries[8][d] keys[d][keys], sixteen keys a vector; eight sums stay in registers.</summary>
    private static void Scores(float* queries, float* keys, float* scores, int keyCount, int d)
    {
        float* q0 = queries, q1 = q0 + d, q2 = q1 + d, q3 = q2 + d, q4 = q3 + d, q5 = q4 + d, q6 = q5 + d, q7 = q6 + d;
        for (int key = 0; key < keyCount; key += Lanes.Count, keys += d * Lanes.Count)
        {
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
            for (int c = 0; c < d; c++)
            {
                Vector512<float> k = Vector512.Load(keys + (c * Lanes.Count));
                s0 = MultiplyAdd(q0[c], k, s0);
                s1 = MultiplyAdd(q1[c], k, s1);
                s2 = MultiplyAdd(q2[c], k, s2);
                s3 = MultiplyAdd(q3[c], k, s3);
                s4 = MultiplyAdd(q4[c], k, s4);
                s5 = MultiplyAdd(q5[c], k, s5);
                s6 = MultiplyAdd(q6[c], k, s6);
                s7 = MultiplyAdd(q7[c], k, s7);
            }

            s0.Store(scores + key);
            s1.Store(scores + KeyBlock + key);
            s2.Store(scores + (2 * KeyBlock) + key);
            s3.Store(scores + (3 * KeyBlock) + key);
            s4.Store(scores + (4 * KeyBlock) + key);
            s5.Store(scores + (5 * KeyBlock) + key);
            s6.Store(scores + (6 * KeyBlock) + key);
            s7.Store(scores + (7 * KeyBlock) + key);
        }
    }

    /// <summary>outputs[8][d] += scores[8][keys] values[keys][d], sixteen channels at a time.</summary>
    private static void Accumulate(float* scores, float* values, float* outputs, int keyCount, int d)
    {
        for (int c = 0; c < d; c += Lanes.Count)
        {
            float* o = outputs + c;
            Vector512<float> o0 = Vector512.Load(o), o1 = Vector512.Load(o + d), o2 = Vector512.Load(o + (2 * d)), o3 = Vector512.Load(o + (3 * d));
            Vector512<float> o4 = Vector512.Load(o + (4 * d)), o5 = Vector512.Load(o + (5 * d)), o6 = Vector512.Load(o + (6 * d)), o7 = Vector512.Load(o + (7 * d));
            float* p = scores;
            for (int key = 0; key < keyCount; key++, p++)
            {
                Vector512<float> v = Vector512.Load(values + ((long)key * d) + c);
                o0 = MultiplyAdd(p[0], v, o0);
                o1 = MultiplyAdd(p[KeyBlock], v, o1);
                o2 = MultiplyAdd(p[2 * KeyBlock], v, o2);
                o3 = MultiplyAdd(p[3 * KeyBlock], v, o3);
                o4 = MultiplyAdd(p[4 * KeyBlock], v, o4);
                o5 = MultiplyAdd(p[5 * KeyBlock], v, o5);
                o6 = MultiplyAdd(p[6 * KeyBlock], v, o6);
                o7 = MultiplyAdd(p[7 * KeyBlock], v, o7);
            }

            o0.Store(o);
            o1.Store(o + d);
            o2.Store(o + (2 * d));
            o3.Store(o + (3 * d));
            o4.Store(o + (4 * d));
            o5.Store(o + (5 * d));
            o6.Store(o + (6 * d));
            o7.Store(o + (7 * d));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> MultiplyAdd(float factor, Vector512<float> vector, Vector512<float> sum) =>
        Avx512F.FusedMultiplyAdd(Vector512.Create(factor), vector, sum);

    private struct Job
    {
        public byte* Query, Key, Value, Output;
        public int Queries, Keys, QueryStride, KeyStride, Heads, HeadWidth;
        public bool BFloat;
    }
}

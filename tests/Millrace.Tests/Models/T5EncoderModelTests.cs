using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Models;

/// <summary>The encoder against the same mathematics written out number by number.</summary>
public sealed class T5EncoderModelTests
{
    private static readonly T5Options Small = new() { VocabSize = 20, DModel = 6, DKv = 4, DFf = 10, NumLayers = 2, NumHeads = 2, RelativeAttentionNumBuckets = 8, RelativeAttentionMaxDistance = 16 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Agrees_with_a_naive_computation(bool gated)
    {
        using var scope = NewDisposeScope();
        using T5EncoderModel model = new T5EncoderModel(Small with { GatedGelu = gated }).Initialize(new Generator(1));
        using IDisposable noGrad = no_grad();
        model.get_parameter("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")!.normal_(0, 1, new Generator(2));
        model.get_parameter("shared.weight")!.normal_(0, 1, new Generator(3));
        long[] ids = [3, 7, 7, 1, 19, 4, 2, 0, 0, 11, 5, 6];
        double[] mask = [1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1];
        Tensor actual = model.call(tensor(ids, [1, ids.Length]), tensor(mask, [1, ids.Length]));

        Assert.True(Golden.RelativeError(Naive(model, ids, mask, gated), actual[0]) < 1e-4);
        Tensor tokens = tensor(ids, [1, ids.Length]);
        Living.StaysConstant(() => model.call(tokens, null).Dispose(), repeats: 3);
    }

    [Fact]
    public void The_full_size_has_the_published_number_of_parameters()
    {
        using var model = new T5EncoderModel(new T5Options(), new TensorOptions(Device: META));
        Assert.Equal(4_762_310_656, model.parameters().Sum(parameter => parameter.numel()));
    }

    private static Tensor Naive(T5EncoderModel model, long[] ids, double[] mask, bool gated)
    {
        Dictionary<string, double[,]> weights = model.named_parameters().ToDictionary(entry => entry.name, entry => Matrix(entry.parameter));
        int count = ids.Length, width = Small.DModel;
        double[][] x = [.. ids.Select(id => Enumerable.Range(0, width).Select(axis => weights["shared.weight"][id, axis]).ToArray())];
        double[,] distances = weights["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"];
        for (int layer = 0; layer < Small.NumLayers; layer++)
        {
            string attention = $"encoder.block.{layer}.layer.0.", feed = $"encoder.block.{layer}.layer.1.";
            double[][] normal = [.. x.Select(row => Norm(row, weights[attention + "layer_norm.weight"]))];
            double[][] Project(string name) => [.. normal.Select(row => Product(weights[$"{attention}SelfAttention.{name}.weight"], row))];
            (double[][] q, double[][] k, double[][] v) = (Project("q"), Project("k"), Project("v"));
            double[][] attended = [.. x.Select(_ => new double[Small.NumHeads * Small.DKv])];
            for (int head = 0; head < Small.NumHeads; head++)
            {
                IEnumerable<int> axes = Enumerable.Range(head * Small.DKv, Small.DKv);
                for (int query = 0; query < count; query++)
                {
                    double[] scores = [.. Enumerable.Range(0, count).Select(key =>
                        axes.Sum(axis => q[query][axis] * k[key][axis]) + distances[Bucket(key - query), head] + (mask[key] == 0 ? -1e9 : 0))];
                    double[] shares = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
                    foreach (int axis in axes)
                    {
                        attended[query][axis] = Enumerable.Range(0, count).Sum(key => shares[key] * v[key][axis]) / shares.Sum();
                    }
                }
            }

            x = [.. x.Zip(attended, (row, heads) => Sum(row, Product(weights[attention + "SelfAttention.o.weight"], heads)))];
            x = [.. x.Select(row => Sum(row, Product(weights[feed + "DenseReluDense.wo.weight"], Widen(Norm(row, weights[feed + "layer_norm.weight"]), feed + "DenseReluDense."))))];
        }

        double[] Widen(double[] row, string name) => gated
            ? [.. Product(weights[name + "wi_0.weight"], row).Zip(Product(weights[name + "wi_1.weight"], row), (gate, value) => Gelu(gate) * value)]
            : [.. Product(weights[name + "wi.weight"], row).Select(value => Math.Max(value, 0))];
        double[][] result = [.. x.Select(row => Norm(row, weights["encoder.final_layer_norm.weight"]))];
        return tensor([.. result.SelectMany(row => row).Select(value => (float)value)], [count, width]);
    }

    // 8 classes up to 16: distances 0 and 1 are exact in each direction, then logarithmic ones up to the fourth.
    private static int Bucket(int distance)
    {
        int ahead = distance > 0 ? 4 : 0, far = Math.Abs(distance);
        return ahead + (far < 2 ? far : Math.Min(3, 2 + (int)(Math.Log(far / 2.0) / Math.Log(8) * 2)));
    }

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    private static double[] Norm(double[] row, double[,] weight)
    {
        double scale = 1 / Math.Sqrt((row.Sum(value => value * value) / row.Length) + 1e-6);
        return [.. row.Select((value, axis) => value * scale * weight[0, axis])];
    }

    private static double[] Product(double[,] matrix, double[] row) =>
        [.. Enumerable.Range(0, matrix.GetLength(0)).Select(output => Enumerable.Range(0, row.Length).Sum(axis => matrix[output, axis] * row[axis]))];

    private static double[] Sum(double[] left, double[] right) => [.. left.Zip(right, (first, second) => first + second)];

    private static double[,] Matrix(Tensor tensor)
    {
        Tensor wide = tensor.dim() == 1 ? tensor.unsqueeze(0) : tensor;
        (int rows, int columns) = ((int)wide.shape[0], (int)wide.shape[1]);
        float[] values = [.. wide.contiguous().data<float>()];
        double[,] matrix = new double[rows, columns];
        for (int index = 0; index < values.Length; index++)
        {
            matrix[index / columns, index % columns] = values[index];
        }

        return matrix;
    }
}

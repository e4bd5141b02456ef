using Millrace.Models;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Compression.Accounts;

/// <summary>
/// Floating-point operations of one row of a call, a multiply and an add counted as two: convolutions, matrix products and the
/// two products of attention; nothing else. Counted while the network runs, so of whatever it has become.
/// </summary>
/// <param name="Convolutions">GFLOP in convolutions.</param>
/// <param name="MatrixProducts">GFLOP in matrix products.</param>
/// <param name="Attention">GFLOP in the two products of every attention.</param>
public sealed record OperationAccount(double Convolutions, double MatrixProducts, double Attention)
{
    private const double Giga = 1e9;

    /// <summary>GFLOP in all.</summary>
    public double Total => Convolutions + MatrixProducts + Attention;

    /// <summary>Counts by one call.</summary>
    /// <typeparam name="T">A backbone, not prepared for inference.</typeparam>
    /// <param name="network">The network.</param>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="t">[B].</param>
    /// <param name="conditioning">One row for each row.</param>
    public static OperationAccount Of<T>(T network, Tensor x, Tensor t, Conditioning conditioning)
        where T : Module, IConditionalNetwork
    {
        double convolutions = 0, products = 0;
        var shapes = new Dictionary<string, long[]>();
        List<Action> removals = [];
        foreach ((string name, Module part) in network.named_modules())
        {
            if (part is Convolution2d convolution)
            {
                removals.Add(convolution.register_forward_hook((_, _, output) =>
                {
                    convolutions += 2.0 * output.numel() * convolution.Weight.numel() / convolution.Weight.shape[0];
                    return output;
                }).remove);
            }
            else if (part is MultiExpertConvolution2d mixed)
            {
                removals.Add(mixed.register_forward_hook((_, _, output) =>
                {
                    convolutions += 2.0 * output.numel() * mixed.Weight.numel() / mixed.Weight.shape[0];
                    return output;
                }).remove);
            }
            else if (part is Linear linear)
            {
                removals.Add(linear.register_forward_hook((_, _, output) =>
                {
                    products += 2.0 * output.numel() * linear.Weight.shape[1];
                    shapes[name] = output.shape;
                    return output;
                }).remove);
            }
        }

        try
        {
            using IDisposable noGrad = no_grad();
            using var scope = NewDisposeScope();
            _ = network.Predict(x, t, conditioning);
        }
        finally
        {
            removals.ForEach(remove => remove());
        }

        double attention = network.named_modules().Where(part => part.module is IBranchedLayer { Branch.Kind: BranchKind.AttentionHead })
            .Sum(part => Products(part.name, (part.module as IRegionalLayer)?.Regional, shapes));
        double scale = Giga * x.shape[0];
        return new OperationAccount(convolutions / scale, products / scale, attention / scale);
    }

    /// <summary>Of queries [B, N, width] with keys [B, M, width], and of the scores with the values.</summary>
    private static double Products(string attention, GlobalRegionalAttention? regional, Dictionary<string, long[]> shapes) =>
        shapes.TryGetValue($"{attention}.to_q", out long[]? query) && shapes.TryGetValue($"{attention}.to_k", out long[]? key)
            ? regional?.Operations(query[0], query[1], query[2]) ?? (4.0 * query[0] * query[1] * query[2] * key[1])
            : 0;
}

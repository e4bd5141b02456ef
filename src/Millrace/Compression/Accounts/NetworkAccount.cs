using System.Diagnostics;
using Millrace.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Accounts;

/// <summary>What a network costs.</summary>
/// <param name="Parameters">How many it has.</param>
/// <param name="Operations">GFLOP of one row.</param>
public sealed record NetworkAccount(long Parameters, OperationAccount Operations)
{
    /// <summary>Parameters and operations.</summary>
    /// <inheritdoc cref="OperationAccount.Of"/>
    public static NetworkAccount Of<T>(T network, Tensor x, Tensor t, Conditioning conditioning)
        where T : Module, IConditionalNetwork =>
        new(network.parameters().Sum(parameter => parameter.numel()), OperationAccount.Of(network, x, t, conditioning));

    /// <summary>Median milliseconds of a call of each of several networks, which take turns, so that a disturbance meets all of them.</summary>
    /// <param name="networks">The networks.</param>
    /// <param name="x">x_t, [B, C, H, W]: the batch that counts.</param>
    /// <param name="t">[B].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <param name="repeats">Calls of each, at least 1; one more comes before.</param>
    public static IReadOnlyList<double> Milliseconds(IReadOnlyList<IConditionalNetwork> networks, Tensor x, Tensor t, Conditioning conditioning, int repeats = 15) =>
        Milliseconds([.. networks.Select(network => (Func<Tensor>)(() => network.Predict(x, t, conditioning)))], repeats);

    /// <summary>The same of any calls.</summary>
    /// <param name="calls">What is timed.</param>
    /// <param name="repeats">Calls of each, at least 1; one more comes before.</param>
    public static IReadOnlyList<double> Milliseconds(IReadOnlyList<Func<Tensor>> calls, int repeats = 15)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        using IDisposable noGrad = no_grad();
        static double Time(Func<Tensor> call)
        {
            using var scope = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            _ = call();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        double[][] times = [.. Enumerable.Range(0, repeats + 1).Select(_ => calls.Select(Time).ToArray())];
        return [.. calls.Select((_, index) => Median([.. times.Skip(1).Select(turn => turn[index]).Order()]))];
    }

    internal static double Median(double[] ordered) => (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
}

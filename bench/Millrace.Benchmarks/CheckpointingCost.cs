using System.Diagnostics;
using Millrace.Models;
using Millrace.Models.UNets;
using Millrace.Runtime;
using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>What gradient checkpointing saves and costs: forward and backward of a large batch, plain and with activations computed again.</summary>
/// <param name="Rows">Rows of the batch.</param>
/// <param name="PlainMegabytes">Most memory of a plain step, beyond what was there before.</param>
/// <param name="CheckpointedMegabytes">The same with checkpointing.</param>
/// <param name="TimeRatio">Median time with checkpointing over that of the plain step before it.</param>
public sealed record CheckpointingCost(int Rows, double PlainMegabytes, double CheckpointedMegabytes, double TimeRatio)
{
    private const int Batch = 64, Steps = 7;

    /// <summary>Measures; null where the system does not tell of memory.</summary>
    /// <param name="plain">A network.</param>
    /// <param name="checkpointed">Another of the same shape; checkpointed from then on.</param>
    /// <param name="latents">Rows to take the batch from, [N, C, H, W].</param>
    public static CheckpointingCost? Measure(UNet2DModel plain, UNet2DModel checkpointed, Tensor latents)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        using var scope = NewDisposeScope();
        Tensor x = latents[..Batch], time = full([Batch], 500f);
        void Step(UNet2DModel network)
        {
            using var inner = NewDisposeScope();
            network.call(x, time, null).Squared().mean().backward();
        }

        double Milliseconds(UNet2DModel network)
        {
            long start = Stopwatch.GetTimestamp();
            Step(network);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        checkpointed.CheckpointGradients();
        Step(plain);
        Step(checkpointed);
        double[] ratios = [.. Enumerable.Range(0, Steps).Select(_ => Milliseconds(plain)).Select(before => Milliseconds(checkpointed) / before)];
        return new CheckpointingCost(Batch, PeakMemory.Of(() => Step(plain)) / 1e6, PeakMemory.Of(() => Step(checkpointed)) / 1e6, Timing.Median(ratios));
    }

    /// <summary>The figures as a line of text.</summary>
    public string Line() => $"gradient checkpointing, {Rows} rows: peak memory of forward and backward {CheckpointedMegabytes:F0} MB instead of {PlainMegabytes:F0}, time {TimeRatio:F2} times";
}

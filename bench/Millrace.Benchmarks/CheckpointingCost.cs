using System.Diagnostics;
using Millrace.Models;
using Millrace.Models.Layers;
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
    private const int Batch = 32, Side = 16, LayersPerBlock = 4, Steps = 5;

    /// <summary>Measures; null where the system does not tell of memory.</summary>
    /// <param name="shape">Of the network, which is made deeper: the more blocks, the more there is to save.</param>
    public static CheckpointingCost? Measure(UNet2DOptions shape)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        using var scope = NewDisposeScope();
        using var initial = new Generator(1);
        UNet2DOptions deep = shape with { LayersPerBlock = LayersPerBlock };
        using UNet2DModel plain = new UNet2DModel(deep).Initialize(initial), checkpointed = new UNet2DModel(deep).Initialize(initial);
        Tensor x = randn([Batch, deep.InChannels, Side, Side], generator: initial), time = full([Batch], 500f);
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
    public string Line() => $"gradient checkpointing, four layers a block, {Rows} rows: peak memory of forward and backward {CheckpointedMegabytes:F0} MB instead of {PlainMegabytes:F0}, time {TimeRatio:F2} times";
}

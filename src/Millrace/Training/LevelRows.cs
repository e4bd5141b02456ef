using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>A noise level for each row of a batch: the parts of <see cref="NoiseLevel"/> as tensors, in the dispose scope of the caller.</summary>
/// <param name="Time">Time that the network is given, [B].</param>
/// <param name="Alpha">[B, 1, 1, 1], like all that follow.</param>
/// <param name="Sigma">Scale of the noise.</param>
/// <param name="InputScale">What x is multiplied by before the network sees it.</param>
/// <param name="DataScale">Standard deviation of the data that the network was built for.</param>
internal readonly record struct LevelRows(Tensor Time, Tensor Alpha, Tensor Sigma, Tensor InputScale, Tensor DataScale)
{
    /// <summary>a of the network's own coordinates, where it sees a y + b e, with y the sample over the scale of the data.</summary>
    public Tensor SampleScale => InputScale * Alpha * DataScale;

    /// <summary>b of the network's own coordinates.</summary>
    public Tensor NoiseScale => InputScale * Sigma;

    /// <summary>What the network sees of noised samples.</summary>
    /// <param name="sample">x_0, [B, C, H, W].</param>
    /// <param name="noise">e, [B, C, H, W].</param>
    public Tensor Input(Tensor sample, Tensor noise) => Noised(sample, noise) * InputScale;

    /// <summary>x_t = Alpha x_0 + Sigma e.</summary>
    /// <param name="sample">x_0, [B, C, H, W].</param>
    /// <param name="noise">e, [B, C, H, W].</param>
    public Tensor Noised(Tensor sample, Tensor noise) => (Alpha * sample).Plus(Sigma * noise);

    /// <summary>The levels at shares of a process's range of times.</summary>
    /// <param name="process">The process.</param>
    /// <param name="shares">[B], in [0, 1].</param>
    public static LevelRows At(IDiffusionProcess process, Tensor shares)
    {
        using Tensor onProcessor = shares.to(float64).cpu();
        (double first, double last) = process.TimeRange;
        NoiseLevel[] levels = [.. onProcessor.data<double>().ToArray().Select(share => process.LevelAt(Math.Clamp(first + (share * (last - first)), first, last)))];
        Tensor Rows(Func<NoiseLevel, double> part, params long[] shape) => tensor([.. levels.Select(level => (float)part(level))], shape, device: shares.device);
        long[] column = [levels.Length, 1, 1, 1];
        return new LevelRows(
            Rows(level => level.Timestep, levels.Length), Rows(level => level.Alpha, column), Rows(level => level.Sigma, column),
            Rows(level => level.InputScale, column), Rows(level => level.DataScale, column));
    }
}

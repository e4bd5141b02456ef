using static TorchSharp.torch;

namespace Millrace.Compression.Calibration;

/// <summary>What a network sees while it samples: rows of (x_t, t, condition), each t the one that belongs to its x_t.</summary>
public sealed class CalibrationSet : IDisposable
{
    /// <summary>Fewest rows: ranges of fewer are those of chance.</summary>
    public const int Least = 16;

    /// <summary>Takes rows.</summary>
    /// <param name="x">Network inputs x_t, [N, C, H, W], float32, finite; owned from here on.</param>
    /// <param name="t">Time of each row as the network is given it, [N], float32, finite; owned from here on.</param>
    /// <param name="conditioning">One row for each row of <paramref name="x"/>; owned from here on.</param>
    /// <exception cref="ArgumentException">Where rows do not fit one another, are fewer than <see cref="Least"/>, or hold NaN or infinity.</exception>
    public CalibrationSet(Tensor x, Tensor t, Conditioning conditioning)
    {
        (X, T, Conditioning) = (x, t, conditioning);
        if (x.dim() != 4 || t.dim() != 1 || t.shape[0] != x.shape[0] || conditioning.Rows != x.shape[0])
        {
            throw new ArgumentException(
                $"x must be [N, C, H, W], t [N] and the conditioning N rows, got [{string.Join(", ", x.shape)}], [{string.Join(", ", t.shape)}] and {conditioning.Rows} rows.", nameof(x));
        }

        CheckCount(x.shape[0], nameof(x));
        if (!IsFinite(x) || !IsFinite(t))
        {
            throw new ArgumentException("The calibration set holds NaN or infinity.", nameof(x));
        }
    }

    /// <summary>Network inputs x_t, [N, C, H, W].</summary>
    public Tensor X { get; }

    /// <summary>Time of each row, [N].</summary>
    public Tensor T { get; }

    /// <summary>Condition of each row.</summary>
    public Conditioning Conditioning { get; }

    /// <summary>Number of rows N.</summary>
    public long Rows => X.shape[0];

    /// <summary>Asks a network about all rows, some at a time.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="batch">Rows of a call, at most.</param>
    /// <param name="seen">Told the rows done so far, after every call.</param>
    /// <param name="cancellation">Ends it between two calls.</param>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public void Show(IDenoiser denoiser, int batch, IProgress<long>? seen = null, CancellationToken cancellation = default)
    {
        for (long start = 0; start < Rows; start += batch)
        {
            cancellation.ThrowIfCancellationRequested();
            long count = Math.Min(batch, Rows - start);
            using var scope = NewDisposeScope();
            denoiser.Predict(X.narrow(0, start, count), T.narrow(0, start, count), Conditioning.Select(part => part.narrow(0, start, count)));
            seen?.Report(start + count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        X.Dispose();
        T.Dispose();
        Conditioning.Dispose();
    }

    internal static void CheckCount(long rows, string name)
    {
        if (rows < Least)
        {
            throw new ArgumentException($"A calibration set must have at least {Least} rows, got {rows}.", name);
        }
    }

    private static bool IsFinite(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.isfinite().all().item<bool>();
    }
}

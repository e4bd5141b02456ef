using static TorchSharp.torch;

namespace Millrace.Compression.Calibration;

/// <summary>Stands between a sampler and its network, and keeps of each sample what the network was asked at one evaluation.</summary>
/// <param name="denoiser">The network.</param>
internal sealed class PathRecorder(IDenoiser denoiser) : IDenoiser, IDisposable
{
    private readonly List<Tensor> _x = [];
    private readonly List<Tensor> _t = [];
    private readonly List<Conditioning> _conditioning = [];
    private int[] _wanted = [];
    private int _evaluation;

    public PredictionType Prediction => denoiser.Prediction;

    /// <summary>The last evaluation that is wanted of the current samples.</summary>
    public int Last => _wanted.Max();

    /// <summary>Begins with new samples.</summary>
    /// <param name="wanted">The evaluation that is kept of each.</param>
    public void Begin(ReadOnlySpan<int> wanted) => (_wanted, _evaluation) = (wanted.ToArray(), 0);

    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        // Guidance asks about several rows of each sample: block after block of all samples.
        long[] rows = [.. Enumerable.Range(0, (int)x.shape[0]).Where(row => _wanted[row % _wanted.Length] == _evaluation).Select(row => (long)row)];
        if (rows.Length > 0)
        {
            using Tensor index = tensor(rows);
            _x.Add(x.index_select(0, index).DetachFromDisposeScope());
            _t.Add(t.index_select(0, index).DetachFromDisposeScope());
            _conditioning.Add(conditioning.Select(part => part.index_select(0, index).DetachFromDisposeScope()));
        }

        _evaluation++;
        return denoiser.Predict(x, t, conditioning);
    }

    /// <summary>All rows, in an order by chance, so that every batch of them holds all times.</summary>
    /// <returns>In the dispose scope of the caller.</returns>
    public (Tensor X, Tensor T, Conditioning Conditioning) Rows()
    {
        using Tensor rows = cat(_x, 0), times = cat(_t, 0);
        using Conditioning conditions = Conditioning.Concatenate([.. _conditioning]);
        using Tensor order = tensor(Spread((int)rows.shape[0]));
        return (rows.index_select(0, order), times.index_select(0, order), conditions.Select(part => part.index_select(0, order)));
    }

    /// <summary>Releases what was kept.</summary>
    public void Dispose()
    {
        foreach (IDisposable kept in _x.Concat<IDisposable>(_t).Concat(_conditioning))
        {
            kept.Dispose();
        }
    }

    private static long[] Spread(int count)
    {
        long[] order = [.. Enumerable.Range(0, count).Select(row => (long)row)];
        new Random(count).Shuffle(order);
        return order;
    }
}

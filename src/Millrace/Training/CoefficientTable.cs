using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>The coefficients of all timesteps of a process on a device, so that looking them up waits for nothing.</summary>
internal sealed class CoefficientTable : IDisposable
{
    private readonly Tensor _alpha;
    private readonly Tensor _sigma;

    public CoefficientTable(IDiffusionProcess process, Device device)
    {
        using Tensor all = TensorArithmetic.Indices(process.TrainTimesteps, device);
        (Tensor alpha, Tensor sigma) = process.Coefficients(all);
        (_alpha, _sigma) = (alpha.DetachFromDisposeScope(), sigma.DetachFromDisposeScope());
    }

    /// <summary>(alpha, sigma) of timesteps [B], int64: two tensors [B, 1, 1, 1], float32.</summary>
    public (Tensor Alpha, Tensor Sigma) At(Tensor timesteps) => (_alpha.index_select(0, timesteps), _sigma.index_select(0, timesteps));

    public void Dispose()
    {
        _alpha.Dispose();
        _sigma.Dispose();
    }
}

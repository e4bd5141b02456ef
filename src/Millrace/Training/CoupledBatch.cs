using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>Samples and the noise that each is joined with; tensors in the dispose scope of the caller.</summary>
/// <param name="Sample">x_0, [B, C, H, W], float32.</param>
/// <param name="Noise">e, [B, C, H, W]; in domain transfer a sample of the other domain.</param>
/// <param name="Conditioning">One row for each sample.</param>
public sealed record CoupledBatch(Tensor Sample, Tensor Noise, Conditioning Conditioning)
{
    /// <summary>Names of the samples, for the message where their loss is not a number.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];
}

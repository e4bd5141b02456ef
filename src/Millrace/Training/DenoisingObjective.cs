using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>
/// Trains a network to predict v: the mean square error between its output at x_t = a start + b noise and the v that leads
/// from there to the target.
/// </summary>
/// <remarks>
/// Salimans and Ho 2022, arXiv 2202.00512, appendix D: x_0 = a x_t - b v, so v = (a x_t - x_0) / b; where start is x_0
/// this is a noise - b x_0.
/// </remarks>
/// <param name="network">What is trained; float32 parameters.</param>
/// <param name="process">The forward process.</param>
/// <param name="batch">Seed to a batch.</param>
/// <param name="precision">Precision of the computation; the parameters stay float32.</param>
/// <param name="preview">Called by <see cref="Preview"/>: (folder, step).</param>
public sealed class DenoisingObjective(
    TextConditionalNetwork network, IDiffusionProcess process, Func<long, DenoisingBatch> batch, ScalarType precision, Action<string, long> preview)
    : IObjective, IDisposable
{
    private readonly CoefficientTable _coefficients = new(process, network.parameters().First().device);

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("denoiser", network, draw => Loss(draw.Seed))];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(long seed)
    {
        using var scope = NewDisposeScope();
        DenoisingBatch drawn = batch(seed);
        (Tensor alpha, Tensor sigma) = _coefficients.At(drawn.Timesteps);
        Tensor x = (alpha * drawn.Start).Plus(sigma * drawn.Noise);
        Tensor velocity = (alpha * x).Minus(drawn.Target) / sigma;
        Tensor predicted = network.call(x.to(precision), drawn.Timesteps, drawn.Tokens).to(float32);
        return predicted.Minus(velocity).Squared().mean().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Preview(string folder, long step) => preview(folder, step);

    /// <inheritdoc/>
    public void Dispose() => _coefficients.Dispose();
}

using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>How far the paths of a flow are from straight lines; 0 where one Euler step is exact.</summary>
/// <remarks>Liu et al. 2022, arXiv 2209.03003, equation 8: S = integral over t of E |(Z_1 - Z_0) - v(Z_t, t)|^2.</remarks>
public static class Straightness
{
    /// <summary>Measures, along paths of Euler steps.</summary>
    /// <param name="denoiser">Predicts <see cref="PredictionType.Flow"/>.</param>
    /// <param name="process">Its process.</param>
    /// <param name="noise">Where the paths start, [B, C, H, W].</param>
    /// <param name="conditioning">One row for each path.</param>
    /// <param name="steps">Euler steps, at least 1.</param>
    /// <returns>Mean over paths and times of the squared norm.</returns>
    /// <exception cref="ArgumentException">Where the denoiser predicts something else.</exception>
    public static double Measure(IDenoiser denoiser, FlowProcess process, Tensor noise, Conditioning conditioning, int steps = 100)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (denoiser.Prediction != PredictionType.Flow)
        {
            throw new ArgumentException($"Straightness is that of a flow's velocity, got {denoiser.Prediction}.", nameof(denoiser));
        }

        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor x = noise;
        var velocities = new List<Tensor>();
        for (int step = 0; step < steps; step++)
        {
            Tensor t = TensorArithmetic.Filled(process.TrainTimesteps * (1 - ((double)step / steps)), noise.device, noise.shape[0]);
            Tensor velocity = denoiser.Predict(x, t, conditioning);
            velocities.Add(velocity);
            x = x.Plus(velocity.Times(-1.0 / steps));
        }

        Tensor whole = noise.Minus(x);
        return velocities.Average(velocity => (double)whole.Minus(velocity).Squared().flatten(1).sum([1]).mean().item<float>());
    }
}

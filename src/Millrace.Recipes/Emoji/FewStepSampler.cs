using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>What a stream does with one frame, for many at once and on any device: find x_0, add the noise of the next level, repeat.</summary>
/// <param name="denoiser">The network.</param>
/// <param name="process">Its process.</param>
internal sealed class FewStepSampler(IDenoiser denoiser, IDiffusionProcess process)
{
    /// <summary>Samples.</summary>
    /// <param name="start">Latents to start from, [B, C, H, W]; null starts from pure noise.</param>
    /// <param name="timesteps">Descending.</param>
    /// <param name="conditioning">One row for each row of the result.</param>
    /// <param name="noise">One tensor [B, C, H, W] for each timestep.</param>
    /// <returns>Latents, [B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Sample(Tensor? start, IReadOnlyList<int> timesteps, Conditioning conditioning, IReadOnlyList<Tensor> noise)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor? sample = start;
        for (int step = 0; step < timesteps.Count; step++)
        {
            (double alpha, double sigma) = process.Coefficients(timesteps[step]);
            Tensor x = sample is null ? noise[step] : sample.Times(alpha).Plus(noise[step].Times(sigma));
            Tensor t = TensorArithmetic.Filled(timesteps[step], x.device, x.shape[0]);
            Tensor prediction = denoiser.Predict(x, t, conditioning);
            sample = PredictionConversion.ToSample(denoiser.Prediction, prediction, x, TensorArithmetic.Filled(alpha, x.device, 1), TensorArithmetic.Filled(sigma, x.device, 1));
        }

        return sample!.MoveToOuterDisposeScope();
    }
}

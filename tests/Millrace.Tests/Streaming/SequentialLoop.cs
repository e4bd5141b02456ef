using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>The referee of the stream batch: all n steps on one frame alone, in the plainest way, with the same noise and guidance.</summary>
internal static class SequentialLoop
{
    /// <param name="noise">[n, C, h, w].</param>
    /// <returns>x_0 of the last level, [1, C, h, w].</returns>
    public static Tensor Run(IDenoiser denoiser, IDiffusionProcess process, StreamOptions options, Tensor latent, Tensor noise, StreamPrompt prompt, Tensor? fresh = null)
    {
        ConsistencyLevel[] levels = [.. LcmTimesteps.Select(options.Steps, options.InferenceSteps).Select(t => ConsistencyLevel.At(process, t))];
        GuidanceType type = options.GuidanceScale > 1 ? options.Guidance : GuidanceType.None;
        Tensor stock = fresh ?? noise[0].unsqueeze(0);
        Tensor x = fresh ?? latent.Times(levels[0].Alpha).Plus(stock.Times(levels[0].Sigma));
        for (int i = 0; ; i++)
        {
            ConsistencyLevel level = levels[i];
            Tensor time = tensor(new[] { (float)level.Timestep });
            Tensor Predict(Conditioning conditioning) => PredictionConversion.ToEpsilon(
                denoiser.Prediction, denoiser.Predict(x, time, conditioning), x, tensor((float)level.Alpha), tensor((float)level.Sigma));
            Tensor Step(Tensor from, Tensor e) => from.Minus(e.Times(level.Sigma)).Times(level.Out).Times(1.0 / level.Alpha).Plus(from.Times(level.Skip));

            Tensor positive = Predict(prompt.Positive);
            if (type == GuidanceType.Initialize && i == 0)
            {
                stock = Predict(prompt.Negative);
            }

            Tensor negative = type switch
            {
                GuidanceType.None => positive,
                GuidanceType.Full => Predict(prompt.Negative),
                _ => stock.Times(options.Delta),
            };
            Tensor epsilon = type == GuidanceType.None ? positive : negative.Plus(positive.Minus(negative).Times(options.GuidanceScale));
            Tensor sample = Step(x, epsilon);
            if (i == levels.Length - 1)
            {
                return sample;
            }

            ConsistencyLevel next = levels[i + 1];
            Tensor renoise = options.AddNoise ? noise[i + 1].unsqueeze(0) : zeros_like(x);
            stock = renoise.Plus(Step(stock.Times(level.Sigma), epsilon).Times(next.Alpha / next.Sigma));
            x = sample.Times(next.Alpha).Plus(renoise.Times(next.Sigma));
        }
    }
}

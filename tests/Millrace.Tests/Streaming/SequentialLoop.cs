using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>The referee of the stream batch: all n steps on one frame alone, in the plainest way, with the same noise and guidance, in double precision.</summary>
internal static class SequentialLoop
{
    private const double Gamma = 0.3;

    /// <param name="noise">[n, C, h, w].</param>
    /// <returns>x_0 of the last level, [1, C, h, w].</returns>
    public static Tensor Run(IDenoiser denoiser, IDiffusionProcess process, StreamOptions options, Tensor latent, Tensor noise, StreamPrompt prompt, Tensor? fresh = null)
    {
        Level[] levels = [.. LcmTimesteps.Select(options.Steps, options.InferenceSteps).Select(timestep => At(process, timestep))];
        GuidanceType type = options.GuidanceScale > 1 ? options.Guidance : GuidanceType.None;
        noise = noise.to(float64);
        Tensor stock = fresh?.to(float64) ?? noise[0].unsqueeze(0);
        Tensor x = fresh?.to(float64) ?? latent.to(float64).Times(levels[0].Alpha).Plus(stock.Times(levels[0].Sigma));
        Tensor? before = null;
        for (int i = 0; ; i++)
        {
            (double time, double a, double b) = levels[i];
            Tensor Clean(Conditioning conditioning)
            {
                Tensor said = denoiser.Predict(x.to(float32), tensor([(float)time]), conditioning).to(float64);
                return denoiser.Prediction switch
                {
                    PredictionType.Epsilon => x.Minus(said.Times(b)).Times(1 / a),
                    PredictionType.VPrediction => x.Times(a).Minus(said.Times(b)),
                    PredictionType.Flow => x.Minus(said.Times(b)).Times(1 / (a + b)),
                    _ => said,
                };
            }

            Tensor Noise(Tensor sample) => x.Minus(sample.Times(a)).Times(1 / b);
            Tensor Guided(Tensor negative, Tensor positive) => negative.Plus(positive.Minus(negative).Times(options.GuidanceScale));
            Tensor clean = Clean(prompt.Positive);
            if (type == GuidanceType.Initialize && i == 0)
            {
                stock = Noise(Clean(prompt.Negative));
            }

            if (type == GuidanceType.Full)
            {
                clean = Guided(Clean(prompt.Negative), clean);
            }
            else if (type != GuidanceType.None && a > 0)
            {
                clean = x.Minus(Guided(stock.Times(options.Delta), Noise(clean)).Times(b)).Times(1 / a);
            }

            // The boundary functions of latent consistency models.
            double scaled = 10 * time, skip = 0.25 / ((scaled * scaled) + 0.25), share = scaled / Math.Sqrt((scaled * scaled) + 0.25);
            Tensor sample = options.Solver == StreamSolver.Lcm && process is not FlowProcess ? clean.Times(share).Plus(x.Times(skip)) : clean;
            if (i == levels.Length - 1)
            {
                return sample.to(float32);
            }

            (_, double a1, double b1) = levels[i + 1];
            Tensor fresher = options.AddNoise ? noise[i + 1].unsqueeze(0) : zeros_like(x);
            Tensor next = options.Solver switch
            {
                StreamSolver.Lcm => sample.Times(a1).Plus(fresher.Times(b1)),
                StreamSolver.Ddim => sample.Times(a1).Plus(Noise(sample).Times(b1)),
                StreamSolver.Tcd => Trajectory(Landing(process, levels[i + 1]), sample, Noise(sample), levels[i + 1], fresher),
                _ => Multistep(i == 0 ? null : levels[i - 1], levels[i], levels[i + 1], x, sample, before),
            };
            Tensor input = a > 0 ? x.Minus(stock.Times(b)).Times(1 / a) : zeros_like(x);
            stock = next.Minus(input.Times(a1)).Times(1 / b1);
            (x, before) = (next, sample);
        }
    }

    private static Level At(IDiffusionProcess process, int timestep)
    {
        if (process is FlowProcess flow)
        {
            double u = (timestep + 1) / 1000.0, sigma = flow.Shift * u / (1 + ((flow.Shift - 1) * u));
            return new Level(1000 * sigma, 1 - sigma, sigma);
        }

        (double alpha, double noise) = process.Coefficients(timestep);
        return new Level(timestep, alpha, noise);
    }

    private static Level Landing(IDiffusionProcess process, Level to)
    {
        if (process is FlowProcess)
        {
            return new Level(0, 1 - ((1 - Gamma) * to.Sigma), (1 - Gamma) * to.Sigma);
        }

        (double alpha, double sigma) = process.Coefficients(Math.Floor((1 - Gamma) * to.Time));
        return new Level(0, alpha, sigma);
    }

    private static Tensor Trajectory(Level landing, Tensor sample, Tensor noise, Level to, Tensor fresher)
    {
        Tensor down = sample.Times(landing.Alpha).Plus(noise.Times(landing.Sigma));
        double ratio = to.Alpha / landing.Alpha;
        return down.Times(ratio).Plus(fresher.Times(Math.Sqrt((to.Sigma * to.Sigma) - (ratio * ratio * landing.Sigma * landing.Sigma))));
    }

    private static Tensor Multistep(Level? earlier, Level from, Level to, Tensor x, Tensor sample, Tensor? before)
    {
        double Lambda(Level level) => Math.Log(level.Alpha / level.Sigma);
        double h = Lambda(to) - Lambda(from);
        Tensor estimate = sample;
        if (earlier is { Alpha: > 0 } known)
        {
            double r = (Lambda(from) - Lambda(known)) / h;
            estimate = sample.Times(1 + (1 / (2 * r))).Minus(before!.Times(1 / (2 * r)));
        }

        return x.Times(to.Sigma / from.Sigma).Minus(estimate.Times(to.Alpha * (Math.Exp(-h) - 1)));
    }

    private readonly record struct Level(double Time, double Alpha, double Sigma);
}

using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Tests.Support;

/// <summary>What a perfect network predicts for data N(mean, deviation^2) and independent noise, or, where coupled, for the pairs x_0 = mean + deviation e.</summary>
internal sealed class GaussianDenoiser(IDiffusionProcess process, PredictionType prediction, double mean, double deviation, bool coupled = false) : IDenoiser
{
    public PredictionType Prediction => prediction;

    public int Calls { get; private set; }

    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        Calls++;
        using var scope = NewDisposeScope();
        (Tensor a, Tensor b) = process.Coefficients(t);
        (a, b) = (a.to(x.dtype), b.to(x.dtype));
        Tensor centred = x.Minus(a.Times(mean)), noise, sample;
        if (coupled)
        {
            noise = centred / a.Times(deviation).Plus(b);
            sample = noise.Times(deviation).Plus(mean);
        }
        else
        {
            Tensor variance = (a * a).Times(deviation * deviation).Plus(b * b);
            sample = (a * centred / variance).Times(deviation * deviation).Plus(mean);
            noise = b * centred / variance;
        }

        return PredictionConversion.Target(prediction, sample, noise, a, b).MoveToOuterDisposeScope();
    }
}

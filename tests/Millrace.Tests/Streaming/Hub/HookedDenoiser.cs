using static TorchSharp.torch;

namespace Millrace.Tests.Streaming.Hub;

/// <summary>Does something before each call, on the thread of the call.</summary>
internal sealed class HookedDenoiser(IDenoiser inner, Action<Tensor, Conditioning> before) : IDenoiser
{
    public PredictionType Prediction => inner.Prediction;

    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        before(x, conditioning);
        return inner.Predict(x, t, conditioning);
    }
}

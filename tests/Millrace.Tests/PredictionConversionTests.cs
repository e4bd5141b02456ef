using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Tests;

public sealed class PredictionConversionTests
{
    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.VPrediction)]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Flow)]
    [InlineData(PredictionType.Edm)]
    public void Every_type_gives_back_the_noise_and_the_sample(PredictionType type)
    {
        using var scope = NewDisposeScope();
        Tensor sample = randn(3, 4, 8, 8, dtype: float32), noise = randn_like(sample);
        (Tensor alpha, Tensor sigma) = VariancePreservingProcess.StableDiffusion.Coefficients(tensor(new float[] { 10, 359, 900 }));
        Tensor x = (alpha * sample).Plus(sigma * noise);
        Tensor prediction = type switch
        {
            PredictionType.Epsilon => noise,
            PredictionType.VPrediction => (alpha * noise).Minus(sigma * sample),
            PredictionType.Edm => (sigma * sample).Minus(alpha * noise),
            PredictionType.Sample => sample,
            _ => noise.Minus(sample),
        };

        Assert.True(PredictionConversion.ToEpsilon(type, prediction, x, alpha, sigma).Minus(noise).abs().max().item<float>() < 1e-3);
        Assert.True(PredictionConversion.ToSample(type, prediction, x, alpha, sigma).Minus(sample).abs().max().item<float>() < 1e-3);
    }
}

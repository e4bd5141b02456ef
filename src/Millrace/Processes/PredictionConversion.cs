using static TorchSharp.torch;

namespace Millrace.Processes;

/// <summary>Exact conversions among what networks predict, for x_t = a x_0 + b e with coefficients broadcast over rows.</summary>
public static class PredictionConversion
{
    /// <summary>The noise e that <paramref name="prediction"/> implies.</summary>
    /// <remarks>v: e = (a v + b x_t) / (a^2 + b^2). Sample: e = (x_t - a x_0) / b. Flow (v = e - x_0): e = (x_t + a v) / (a + b).</remarks>
    /// <param name="type">What <paramref name="prediction"/> means.</param>
    /// <param name="prediction">Output of the network, [B, C, H, W].</param>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="alpha">a, [B, 1, 1, 1].</param>
    /// <param name="sigma">b, [B, 1, 1, 1], above 0.</param>
    /// <returns>e, [B, C, H, W]; for <see cref="PredictionType.Epsilon"/> an alias of <paramref name="prediction"/>.</returns>
    public static Tensor ToEpsilon(PredictionType type, Tensor prediction, Tensor x, Tensor alpha, Tensor sigma) => type switch
    {
        PredictionType.Epsilon => prediction.alias(),
        PredictionType.VPrediction => (alpha * prediction).Plus(sigma * x) / (alpha * alpha).Plus(sigma * sigma),
        PredictionType.Sample => x.Minus(alpha * prediction) / sigma,
        PredictionType.Flow => x.Plus(alpha * prediction) / alpha.Plus(sigma),
        PredictionType.Edm => (sigma * x).Minus(alpha * prediction) / (alpha * alpha).Plus(sigma * sigma),
        _ => throw Unknown(type),
    };

    /// <summary>The clean sample x_0 that <paramref name="prediction"/> implies. Safe near pure noise (a to 0) for every type but <see cref="PredictionType.Epsilon"/>.</summary>
    /// <remarks>Epsilon: x_0 = (x_t - b e) / a. v: x_0 = (a x_t - b v) / (a^2 + b^2). Flow: x_0 = (x_t - b v) / (a + b).</remarks>
    /// <inheritdoc cref="ToEpsilon" path="/param"/>
    /// <returns>x_0, [B, C, H, W]; for <see cref="PredictionType.Sample"/> an alias of <paramref name="prediction"/>.</returns>
    public static Tensor ToSample(PredictionType type, Tensor prediction, Tensor x, Tensor alpha, Tensor sigma) => type switch
    {
        PredictionType.Epsilon => x.Minus(sigma * prediction) / alpha,
        PredictionType.VPrediction => (alpha * x).Minus(sigma * prediction) / (alpha * alpha).Plus(sigma * sigma),
        PredictionType.Sample => prediction.alias(),
        PredictionType.Flow => x.Minus(sigma * prediction) / alpha.Plus(sigma),
        PredictionType.Edm => (alpha * x).Plus(sigma * prediction) / (alpha * alpha).Plus(sigma * sigma),
        _ => throw Unknown(type),
    };

    /// <summary>What a network that predicts <paramref name="type"/> should say where x_t = a x_0 + b e.</summary>
    /// <param name="type">What it predicts.</param>
    /// <param name="sample">x_0, [B, C, H, W].</param>
    /// <param name="noise">e, [B, C, H, W].</param>
    /// <param name="alpha">a, [B, 1, 1, 1].</param>
    /// <param name="sigma">b, [B, 1, 1, 1].</param>
    /// <returns>[B, C, H, W]; may be an alias of an argument.</returns>
    public static Tensor Target(PredictionType type, Tensor sample, Tensor noise, Tensor alpha, Tensor sigma) => type switch
    {
        PredictionType.Epsilon => noise.alias(),
        PredictionType.VPrediction => (alpha * noise).Minus(sigma * sample),
        PredictionType.Sample => sample.alias(),
        PredictionType.Flow => noise.Minus(sample),
        PredictionType.Edm => (sigma * sample).Minus(alpha * noise),
        _ => throw Unknown(type),
    };

    /// <summary>The same conversions where one level holds for all rows, as factors in double precision, over its coordinates of x and its scale of the data.</summary>
    /// <remarks>
    /// The network sees x' = c x, c the input scale, which is a y_0 + b e with a = c Alpha d, b = c Sigma and y_0 = x_0 / d of unit
    /// variance. For <see cref="PredictionType.Edm"/> this gives c_skip and c_out of Karras et al. 2022, arXiv 2206.00364, table 1.
    /// </remarks>
    /// <param name="type">What the network predicts.</param>
    /// <param name="level">Where.</param>
    public static PredictionFactors Factors(PredictionType type, NoiseLevel level)
    {
        (double c, double d) = (level.InputScale, level.DataScale);
        (double a, double b) = (c * level.Alpha * d, c * level.Sigma);
        double squares = (a * a) + (b * b);
        return type switch
        {
            PredictionType.Epsilon => new(1 / level.Alpha, -level.Sigma / level.Alpha, 0, 1),
            PredictionType.VPrediction => new(d * a * c / squares, -d * b / squares, b * c / squares, a / squares),
            PredictionType.Sample => new(0, 1, 1 / level.Sigma, -level.Alpha / level.Sigma),
            PredictionType.Flow => new(d * c / (a + b), -d * b / (a + b), c / (a + b), a / (a + b)),
            PredictionType.Edm => new(d * a * c / squares, d * b / squares, b * c / squares, -a / squares),
            _ => throw Unknown(type),
        };
    }

    private static ArgumentOutOfRangeException Unknown(PredictionType type) => new(nameof(type), $"Unknown prediction type {type}.");
}

using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>What an evaluation of the network says about x: the clean sample and the noise in it, x = alpha Sample + sigma Noise.</summary>
/// <param name="Type">What the network predicts.</param>
/// <param name="Output">What it gave, [B, C, H, W].</param>
/// <param name="Sample">The clean sample x_0, [B, C, H, W].</param>
/// <param name="Noise">The noise e, [B, C, H, W].</param>
public readonly record struct Estimate(PredictionType Type, Tensor Output, Tensor Sample, Tensor Noise)
{
    /// <summary>Converts an output of the network.</summary>
    /// <param name="type">What it means.</param>
    /// <param name="output">The output, [B, C, H, W].</param>
    /// <param name="x">x before the input scale, [B, C, H, W].</param>
    /// <param name="level">Where.</param>
    /// <param name="constraint">What the clean sample must satisfy; null where nothing.</param>
    /// <returns>Its tensors are the caller's to dispose, and may be <paramref name="output"/> itself.</returns>
    public static Estimate Of(PredictionType type, Tensor output, Tensor x, NoiseLevel level, SampleConstraint? constraint = null)
    {
        PredictionFactors factors = PredictionConversion.Factors(type, level);
        Tensor sample = LinearCombination.Of((factors.SampleOfX, x), (factors.SampleOfOutput, output));
        Tensor constrained = constraint?.Apply(sample) ?? sample;
        Tensor noise = constraint is { MovesNoise: true }
            ? LinearCombination.Of((1 / level.Sigma, x), (-level.Alpha / level.Sigma, constrained))
            : LinearCombination.Of((factors.NoiseOfX, x), (factors.NoiseOfOutput, output));
        Tensor said = constraint is { MovesOutput: true }
            ? LinearCombination.Of((1 / factors.SampleOfOutput, constrained), (-factors.SampleOfX / factors.SampleOfOutput, x))
            : output;
        return new Estimate(type, said, constrained, noise);
    }
}

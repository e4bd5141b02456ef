using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.Transformers;

/// <summary>Turns neighbouring pairs of a query or key by angles that grow with its place (Su et al. 2021, arXiv 2104.09864).</summary>
/// <param name="Cosines">[1 or B, 1, N, head width / 2], float32.</param>
/// <param name="Sines">The same shape.</param>
internal sealed record RotaryPositions(Tensor Cosines, Tensor Sines)
{
    private const double Theta = 10000;

    /// <summary>From the angles of all pairs, [N, head width / 2] in double precision; in the dispose scope of the caller.</summary>
    public static RotaryPositions Of(Tensor angles) => new(cos(angles).to(float32).unsqueeze(0).unsqueeze(0), sin(angles).to(float32).unsqueeze(0).unsqueeze(0));

    /// <summary>Angles of one axis, [N, width / 2], double precision, in the dispose scope of the caller.</summary>
    /// <param name="places">[N].</param>
    /// <param name="width">Numbers of a head that tell this axis; even.</param>
    /// <param name="linearFactor">What all frequencies are divided by.</param>
    /// <param name="baseFactor">What the base of the frequencies is multiplied by.</param>
    public static Tensor Angles(Tensor places, int width, double linearFactor = 1, double baseFactor = 1)
    {
        double[] frequencies = [.. Enumerable.Range(0, width / 2).Select(index => Math.Pow(Theta * baseFactor, -2.0 * index / width) / linearFactor)];
        return places.to(float64).unsqueeze(-1) * tensor(frequencies, device: places.device);
    }

    /// <summary>[B, heads, N, head width] to the same shape.</summary>
    public Tensor Turn(Tensor heads)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] pair = heads.to(float32).unflatten(3, -1, 2).unbind(4);
        Tensor first = (pair[0] * Cosines).Minus(pair[1] * Sines), second = (pair[0] * Sines).Plus(pair[1] * Cosines);
        return stack([first, second], dim: -1).flatten(3).to(heads.dtype).MoveToOuterDisposeScope();
    }
}

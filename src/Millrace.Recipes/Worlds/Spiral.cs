using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Worlds;

/// <summary>Points along a spiral of two turns, [B, 2, 1, 1].</summary>
/// <param name="Deviation">Standard deviation across the curve.</param>
internal sealed record Spiral(double Deviation = 0.03)
{
    private const double Turns = 2, Radius = 1.6;
    private const int Pieces = 4000;

    /// <summary>Points, in the dispose scope of the caller.</summary>
    public Tensor Draw(long count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        return At(random.Uniform(count)).Plus(random.Normal(count, 2).Times(Deviation)).view(count, 2, 1, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Share of points farther than three deviations from the curve.</summary>
    public double OffSupport(Tensor points)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (Tensor nearest, _) = cdist(points.flatten(1), At(linspace(0, 1, Pieces))).min(1);
        return 1 - nearest.IsBelow(3 * Deviation).to(float32).mean().item<float>();
    }

    // The root spreads the points evenly along the curve.
    private static Tensor At(Tensor share)
    {
        Tensor way = share.Times(0.95).Plus(0.05).sqrt(), angle = way.Times(2 * Math.PI * Turns);
        return stack([angle.cos() * way.Times(Radius), angle.sin() * way.Times(Radius)], 1);
    }
}

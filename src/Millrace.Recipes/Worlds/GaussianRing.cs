using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Worlds;

/// <summary>Points around the eight corners of an octagon, [B, 2, 1, 1].</summary>
/// <param name="Radius">Distance of the corners from the origin.</param>
/// <param name="Deviation">Standard deviation around a corner.</param>
internal sealed record GaussianRing(double Radius = 4, double Deviation = 0.2)
{
    public const int Modes = 8;

    /// <summary>The corners, [8, 2].</summary>
    public Tensor Corners() => tensor(
        [.. Enumerable.Range(0, Modes).SelectMany(mode => new[] { (float)(Radius * Math.Cos(Math.PI * mode / 4)), (float)(Radius * Math.Sin(Math.PI * mode / 4)) })], [Modes, 2]);

    /// <summary>Points and their corners [B], int64, in the dispose scope of the caller.</summary>
    public (Tensor Points, Tensor Modes) Draw(long count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor modes = random.Integers(Modes, count);
        Tensor points = Corners().index_select(0, modes).Plus(random.Normal(count, 2).Times(Deviation)).view(count, 2, 1, 1);
        return (points.MoveToOuterDisposeScope(), modes.MoveToOuterDisposeScope());
    }

    /// <summary>The corner nearest to each point, [B], int64; the caller's to dispose.</summary>
    public Tensor Nearest(Tensor points)
    {
        using var scope = NewDisposeScope();
        return cdist(points.flatten(1), Corners()).argmin(1).MoveToOuterDisposeScope();
    }

    /// <summary>Independent points and noise: what a teacher learns from.</summary>
    public Coupling Independent(int batch) => (_, random) =>
        new CoupledBatch(Draw(batch, random).Points, random.Normal(batch, 2, 1, 1), Conditioning.WithoutText(batch));
}

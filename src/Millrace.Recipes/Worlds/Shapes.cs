using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Worlds;

/// <summary>Eight classes of points, each of another shape at another place, [B, 2, 1, 1]: arcs, lines, rings and pairs of blobs in turn.</summary>
internal static class Shapes
{
    public const int Classes = 8;

    private const double Radius = 1.5, Size = 0.35, Deviation = 0.03;

    /// <summary>Points of given classes, in the dispose scope of the caller.</summary>
    /// <param name="classes">[B], int64.</param>
    /// <param name="random">Source of randomness.</param>
    public static Tensor Draw(Tensor classes, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        long count = classes.shape[0];
        Tensor way = random.Uniform(count), angle = classes.to(float32).Times(Math.PI / 4), turn = way.Times(2 * Math.PI);
        Tensor half = way.IsBelow(0.5).to(float32).Times(2).Plus(-1), kind = classes.remainder(TensorArithmetic.Indices(1).Plus(4));
        Tensor Along(Tensor arc, Tensor line, Tensor ring, Tensor blobs) =>
            where(kind.IsEqualTo(0), arc, where(kind.IsEqualTo(1), line, where(kind.IsEqualTo(2), ring, blobs)));
        Tensor x = Along(turn.Times(0.5).cos(), way.Times(2).Plus(-1), turn.cos(), half), y = Along(turn.Times(0.5).sin(), zeros_like(way), turn.sin(), zeros_like(way));
        Tensor u = x.Times(Size), v = y.Times(Size);
        Tensor points = stack(
        [
            (u * angle.cos()).Minus(v * angle.sin()).Plus(angle.cos().Times(Radius)), (u * angle.sin()).Plus(v * angle.cos()).Plus(angle.sin().Times(Radius)),
        ], 1);
        return points.Plus(random.Normal(count, 2).Times(Deviation)).view(count, 2, 1, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Points of some classes with independent noise.</summary>
    /// <param name="batch">Rows.</param>
    /// <param name="of">The classes.</param>
    public static Coupling Independent(int batch, IReadOnlyList<long> of) => (_, random) =>
    {
        Tensor classes = tensor([.. of]).index_select(0, random.Integers(of.Count, batch));
        return new CoupledBatch(Draw(classes, random), random.Normal(batch, 2, 1, 1), new Conditioning(empty([batch, 0, 0])) { ClassLabels = classes });
    };
}

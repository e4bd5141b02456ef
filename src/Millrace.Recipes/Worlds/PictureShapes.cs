using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Worlds;

/// <summary>Small pictures of six shapes - discs, squares, crosses, rings, bars that lie and bars that stand - of any colour at any place, [B, 3, 8, 8] in [-1, 1].</summary>
internal static class PictureShapes
{
    public const int Classes = 6, Channels = 3, Side = 8;

    private const double Sharpness = 10, Thin = 0.22;

    /// <summary>Pictures of given classes, in the dispose scope of the caller.</summary>
    /// <param name="classes">[B], int64.</param>
    /// <param name="random">Source of randomness.</param>
    public static Tensor Draw(Tensor classes, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        long count = classes.shape[0];
        Tensor axis = TensorArithmetic.Indices(Side, type: ScalarType.Float32).Plus(0.5).Times(2.0 / Side).Plus(-1);
        Tensor u = axis.view(1, 1, Side).Minus(random.Between(-0.3, 0.3, count, 1, 1)).abs(), v = axis.view(1, Side, 1).Minus(random.Between(-0.3, 0.3, count, 1, 1)).abs();
        Tensor size = random.Between(0.45, 0.7, count, 1, 1), distance = u.Squared().Plus(v.Squared()).sqrt();
        Tensor Box(Tensor width, Tensor height) => maximum(u.Minus(width), v.Minus(height));
        Tensor thin = full_like(size, Thin), lying = Box(size, thin), standing = Box(thin, size), side = size.Times(0.8);

        // How far each pixel is from the edge of its shape, below 0 within.
        Tensor[] edges = [distance.Minus(size), Box(side, side), minimum(lying, standing), distance.Minus(size).abs().Plus(-Thin / 1.5), lying, standing];
        Tensor edge = stack([.. edges.Select(one => one.expand(count, Side, Side))], 1)[TensorIndex.Tensor(TensorArithmetic.Indices(count)), TensorIndex.Tensor(classes)];
        Tensor ink = sigmoid(edge.Times(-Sharpness)).unsqueeze(1);
        Tensor ground = random.Between(-1, -0.5, count, Channels, 1, 1), colour = random.Between(-0.2, 1, count, Channels, 1, 1);
        return ground.Plus(ink * colour.Minus(ground)).MoveToOuterDisposeScope();
    }

    /// <summary>Pictures of classes drawn evenly, with independent noise.</summary>
    public static Coupling Independent(int batch) => (_, random) =>
    {
        Tensor classes = random.Integers(Classes, batch);
        return new CoupledBatch(Draw(classes, random), random.Normal(batch, Channels, Side, Side), new Conditioning(empty([batch, 0, 0])) { ClassLabels = classes });
    };
}

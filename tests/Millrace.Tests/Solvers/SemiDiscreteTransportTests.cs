using Millrace.Solvers.Transport;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

public sealed class SemiDiscreteTransportTests
{
    private static readonly TransportOptions Options = new() { Iterations = 500, SamplesPerTarget = 60 };

    [Fact]
    public void On_a_line_sorted_targets_get_equal_intervals()
    {
        using var scope = NewDisposeScope();
        float[] targets = [-0.7f, 0.1f, 0.4f, 1.5f, 2.2f];
        using SemiDiscreteTransport map = SemiDiscreteTransport.Solve(tensor(targets, [5, 1]), Options, seed: 1);
        float[] heights = map.Heights.data<float>().ToArray();
        for (int n = 0; n < 4; n++)
        {
            Assert.Equal(-(targets[n + 1] - targets[n]) * (n + 1) / 5, heights[n + 1] - heights[n], 0.02);
        }

        Tensor points = tensor([0.05f, 0.3f, 0.5f, 0.7f, 0.95f], [5, 1]);
        Assert.Equal([0L, 1, 2, 3, 4], map.Indices(points).data<long>().ToArray());
    }

    [Fact]
    public void Every_cell_of_the_plane_has_its_mass_and_the_map_is_monotone()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor targets = randn([40, 2], generator: generator);
        using SemiDiscreteTransport map = SemiDiscreteTransport.Solve(targets, Options, seed: 1);
        Tensor masses = map.Masses(400_000, generator);
        Assert.All(masses.data<float>().ToArray(), mass => Assert.Equal(1.0 / 40, mass, 0.1 / 40));
        Assert.Equal(0, map.Heights.mean().item<float>(), 1e-5);

        Tensor points = rand([300, 2], generator: generator), moved = targets.index_select(0, map.Indices(points));
        Tensor products = points.unsqueeze(0).Minus(points.unsqueeze(1)) * moved.unsqueeze(0).Minus(moved.unsqueeze(1));
        Assert.True(products.sum([2]).min().item<float>() >= -1e-5);
    }

    [Fact]
    public void The_masses_are_the_slope_of_the_energy()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor targets = randn([7, 2], generator: generator), points = rand([40_000, 2], generator: generator).to(float64);
        using SemiDiscreteTransport map = SemiDiscreteTransport.Solve(targets, Options with { Iterations = 5 }, seed: 1); // not solved: masses differ
        Tensor products = points.matmul(targets.to(float64).t()), counts = bincount(map.Indices(points.to(float32)), minlength: 7).to(float64).Times(1.0 / 40_000);
        double Energy(Tensor heights) => products.Plus(heights).max(1).values.mean().item<double>() - heights.mean().item<double>();
        for (int cell = 0; cell < 7; cell++)
        {
            const double Width = 1e-4;
            Tensor step = zeros(7, dtype: float64);
            step[cell].Fill(Width);
            Tensor heights = map.Heights.to(float64);
            double slope = (Energy(heights.Plus(step)) - Energy(heights.Minus(step))) / (2 * Width);
            Assert.Equal(counts[cell].item<double>() - (1.0 / 7), slope, 1e-3);
        }
    }

    [Fact]
    public void Moving_and_permuting_targets_moves_and_permutes_the_map()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor targets = randn([12, 2], generator: generator), order = tensor(new long[] { 5, 3, 0, 11, 7, 1, 2, 10, 4, 6, 9, 8 }), points = rand([500, 2], generator: generator);
        using SemiDiscreteTransport map = SemiDiscreteTransport.Solve(targets, Options, seed: 1), shifted = SemiDiscreteTransport.Solve(targets.Plus(7), Options, seed: 1);
        using SemiDiscreteTransport permuted = SemiDiscreteTransport.Solve(targets.index_select(0, order), Options, seed: 1);
        double Agreement(Tensor a, Tensor b) => a.Minus(b).abs().IsBelow(1e-3).to(float32).mean().item<float>();
        Assert.True(Agreement(map.Indices(points), shifted.Indices(points)) > 0.95);
        Assert.True(Agreement(map.Indices(points), order.index_select(0, permuted.Indices(points))) > 0.95);
        Assert.True(Agreement(shifted.Draw(50, new Generator(1)).flatten(), map.Draw(50, new Generator(1)).Plus(7).flatten()) > 0.9);
    }

    [Fact]
    public void The_cost_is_that_of_the_best_assignment()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        Tensor targets = randn([3, 2], generator: generator);
        using SemiDiscreteTransport map = SemiDiscreteTransport.Solve(targets, Options, seed: 1);

        // Any map with equal masses costs at least as much as the optimal one: compare with all that shuffle the three cells' shares.
        Tensor points = rand([30_000, 2], generator: generator);
        double Cost(Tensor index) => points.Minus(targets.index_select(0, index)).Squared().sum([1]).mean().item<float>();
        Tensor best = map.Indices(points);
        foreach (long[] shuffle in new[] { new long[] { 1, 0, 2 }, [2, 1, 0], [0, 2, 1], [1, 2, 0], [2, 0, 1] })
        {
            Assert.True(Cost(best) < Cost(tensor(shuffle).index_select(0, best)));
        }

        Tensor stripes = points.select(1, 0).argsort().argsort().Times(3.0 / 30_000).to(ScalarType.Int64);
        Assert.True(Cost(best) <= Cost(stripes) + 1e-3);
    }

    [Fact]
    public void Targets_that_make_no_map_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => SemiDiscreteTransport.Solve(zeros(1, 2), Options, 1));
        Assert.Contains("only 1 of 3", Assert.Throws<ArgumentException>(() => SemiDiscreteTransport.Solve(zeros(3, 2), Options, 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SemiDiscreteTransport.Solve(TensorArithmetic.Filled(double.NaN, CPU, 3, 2), Options, 1));
        Assert.Throws<ArgumentException>(() => SemiDiscreteTransport.Solve(randn(3, 2), Options with { LearningRate = 0 }, 1));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => SemiDiscreteTransport.Solve(randn(3, 2), Options, 1, cancellation: cancelled.Token));
    }
}

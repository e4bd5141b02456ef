using Millrace.Solvers;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

/// <summary>What must hold for every solver.</summary>
public sealed class SolverSuiteTests
{
    [Theory]
    [MemberData(nameof(SolverCase.Names), MemberType = typeof(SolverCase))]
    public void Data_that_is_one_point_comes_out_exactly(string name)
    {
        using var scope = NewDisposeScope();
        ISolver solver = SolverCase.Named(name).Make(ToyWorld.Sigmas(6, toZero: true));
        using var noise = new SeededNoise(1, 2, 3, 4);
        Tensor result = ToyWorld.Point.Run(solver, Start(solver), noise.Draw, SolverCase.Named(name).Network);

        // TCD ends at timestep 0, where a little noise is left.
        Assert.InRange(result.abs().max().item<double>(), 0, name == "TCD" ? 0.1 : 1e-9);
    }

    [Theory]
    [MemberData(nameof(SolverCase.NamesWithOrder), MemberType = typeof(SolverCase))]
    public void Converges_at_its_order(string name)
    {
        using var scope = NewDisposeScope();
        SolverCase solver = SolverCase.Named(name);
        int coarse = solver.Order > 3 ? 320 : 96, fine = 2 * coarse;
        double order = Math.Log2(Error(solver, ToyWorld.TwoModes, coarse) / Error(solver, ToyWorld.TwoModes, fine));

        Assert.InRange(order, solver.Order!.Value - 0.2, solver.Order.Value + 0.2);
    }

    [Theory]
    [MemberData(nameof(SolverCase.NamesWithOrder), MemberType = typeof(SolverCase))]
    public void Gaussian_data_follows_its_closed_form(string name)
    {
        using var scope = NewDisposeScope();
        SolverCase solver = SolverCase.Named(name);

        Assert.InRange(Error(solver, ToyWorld.Gaussian, 96), 0, solver.Order == 1 ? 0.02 : 2e-3);
    }

    [Theory]
    [MemberData(nameof(SolverCase.Names), MemberType = typeof(SolverCase))]
    public void A_batch_is_its_rows(string name)
    {
        using var scope = NewDisposeScope();
        ISolver solver = SolverCase.Named(name).Make(ToyWorld.Sigmas(6, toZero: true));
        var sampler = new Sampler(new ToyDenoiser(), solver);
        Conditioning conditioning = new(zeros(4, 1, 1));
        Tensor x = Start(solver).to(float32);
        using var together = new SeededNoise(1, 2, 3, 4);
        Tensor batch = sampler.Sample(x, conditioning, together.Draw);
        for (int row = 0; row < 4; row++)
        {
            using var alone = new SeededNoise(row + 1);
            Assert.True(batch[row..(row + 1)].allclose(sampler.Sample(x[row..(row + 1)], conditioning.Row(row), alone.Draw), 1e-6, 1e-6));
        }
    }

    [Theory]
    [MemberData(nameof(SolverCase.Names), MemberType = typeof(SolverCase))]
    public void Two_streams_over_one_instance_are_as_two_alone(string name)
    {
        using var scope = NewDisposeScope();
        ISolver solver = SolverCase.Named(name).Make(ToyWorld.Sigmas(6, toZero: true));
        Tensor[] starts = [Start(solver), Start(solver).Times(0.7)];
        Tensor[] alone = [.. starts.Select((start, stream) => Alone(solver, start, stream))];

        SeededNoise[] noises = [Noise(0), Noise(1)];
        SolverState[] states = [.. starts.Select(solver.Start)];
        while (states.Any(state => solver.Next(state) is not null))
        {
            for (int stream = 0; stream < states.Length; stream++)
            {
                if (solver.Next(states[stream]) is { } level)
                {
                    Tensor output = ToyWorld.TwoModes.CleanSample(states[stream].X, level.Alpha, level.Sigma);
                    states[stream] = solver.Step(states[stream], Estimate.Of(PredictionType.Sample, output, states[stream].X, level), noises[stream].Draw);
                }
            }
        }

        Assert.All(alone.Zip(states), pair => Assert.True(pair.First.equal(pair.Second.X).all().item<bool>()));
        Array.ForEach(noises, noise => noise.Dispose());
    }

    [Theory]
    [MemberData(nameof(SolverCase.Names), MemberType = typeof(SolverCase))]
    public void The_seed_decides(string name)
    {
        using var scope = NewDisposeScope();
        ISolver solver = SolverCase.Named(name).Make(ToyWorld.Sigmas(6, toZero: true));
        Tensor first = Alone(solver, Start(solver), 3);

        Assert.True(first.equal(Alone(solver, Start(solver), 3)).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(SolverCase.Names), MemberType = typeof(SolverCase))]
    public void Living_tensors_stay_constant(string name)
    {
        ISolver solver = SolverCase.Named(name).Make(ToyWorld.Sigmas(6, toZero: true));
        var sampler = new Sampler(new ToyDenoiser(), solver);
        using Tensor x = ones(2, 1, 1, 1), text = zeros(2, 1, 1);
        Living.StaysConstant(
            () =>
            {
                using var noise = new SeededNoise(1, 2);
                sampler.Sample(x, new Conditioning(text), noise.Draw).Dispose();
            },
            repeats: 3);
    }

    // One for all solvers; detached, for it outlives the scope of the test that asks first.
    private static readonly Lazy<Tensor> TwoModesAtEnd = new(() =>
        ToyWorld.TwoModes.Flow(Points().Times(ToyWorld.SigmaMax), ToyWorld.SigmaMax, ToyWorld.SigmaMin).DetachFromDisposeScope());

    private static Tensor Points() => tensor(new double[] { -1.7, -0.4, 0.3, 1.2 }).view(4, 1, 1, 1);

    private static Tensor Start(ISolver solver) =>
        Points().Times(solver.First.Sigma);

    private static SeededNoise Noise(int stream) => new(stream, stream + 10, stream + 20, stream + 30);

    private static Tensor Alone(ISolver solver, Tensor start, int stream)
    {
        using SeededNoise noise = Noise(stream);
        return ToyWorld.TwoModes.Run(solver, start, noise.Draw);
    }

    /// <summary>The largest error at the last sigma, of starts that are the same point in any coordinates.</summary>
    private static double Error(SolverCase solver, ToyWorld world, int steps)
    {
        ISolver instance = solver.Make(ToyWorld.Sigmas(steps));
        Tensor start = Points().Times(ToyWorld.SigmaMax);
        double lastAlpha = instance.First.Alpha == 1 ? 1 : instance.First.Alpha + instance.First.Sigma > 1.01
            ? 1 / Math.Sqrt(1 + (ToyWorld.SigmaMin * ToyWorld.SigmaMin)) : 1 / (1 + ToyWorld.SigmaMin);
        Tensor found = world.Run(instance, start.Times(instance.First.Alpha), like => zeros_like(like), solver.Network).Times(1.0 / lastAlpha);
        Tensor expected = world.Mode == 0
            ? start.Times(Math.Sqrt(((world.Spread * world.Spread) + (ToyWorld.SigmaMin * ToyWorld.SigmaMin)) / ((world.Spread * world.Spread) + (ToyWorld.SigmaMax * ToyWorld.SigmaMax))))
            : TwoModesAtEnd.Value;
        return found.Minus(expected).abs().max().item<double>();
    }

    private sealed class ToyDenoiser : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Sample;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => x.Plus(t.view(-1, 1, 1, 1).Times(1.0 / 500)).tanh();
    }
}

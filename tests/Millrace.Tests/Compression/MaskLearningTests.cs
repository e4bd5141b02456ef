using Millrace.Compression.MaskLearning;
using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Distillation;
using Millrace.Models;
using Millrace.Models.Transformers;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Tests.Compression;

/// <summary>EcoDiff: masks over heads and channels, learned through the whole sampler.</summary>
public sealed class MaskLearningTests
{
    private static readonly FlowProcess Process = new();

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void The_checkpointed_gradient_of_the_logits_is_that_of_full_autograd(int steps)
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        using var mask = new UnitMask(BackboneSegments.Of(network), initial: 0.5);
        DdimSolver solver = Solver(steps);
        using PairStore pairs = Pairs(network, solver);
        var objective = new EndToEndMaskObjective(mask, network, PredictionType.Flow, solver, pairs, rows: 2, penaltyWeight: 0.1);
        var draw = new TrainingDraw(0, 11);

        Tensor loss = objective.Loss(draw);
        loss.backward();
        double checkpointed = loss.item<float>();
        Tensor[] found = Gradients(mask);
        mask.zero_grad();

        // The referee: the same batch under the same gates, all steps kept.
        using var random = new SeededRandom(draw.Seed, CPU);
        CoupledBatch batch = pairs.Draw(2, random);
        Tensor sample = SamplerGradient.Sample(objective.Masked(draw.Seed), solver, batch.Noise, batch.Conditioning);
        Tensor whole = sample.Minus(batch.Sample).Squared().mean().Plus(mask.Penalty().Times(0.1));
        whole.backward();

        Assert.Equal(whole.item<float>(), checkpointed, 1e-6);
        Assert.All(found.Zip(Gradients(mask)), pair => Assert.True(Golden.RelativeError(pair.Second, pair.First) < 1e-5));
        Assert.All(network.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(0)]
    [InlineData(1.5)]
    public void Gates_are_closed_as_often_as_the_closed_form_says(double logit)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(4, CPU);
        const int count = 200_000;
        var distribution = new HardConcrete();
        Tensor gates = distribution.Gate(TensorArithmetic.Filled(logit, null, count), random.Uniform(count));
        double closed = gates.IsBelow(1e-12).to(float32).mean().item<float>(), expected = distribution.ClosedProbability(logit);
        Assert.Equal(expected, closed, 3 * Math.Sqrt(expected * (1 - expected) / count));
        Assert.Equal(1, distribution.ClosedProbability(logit) + distribution.OpenProbability(logit), 1e-12);
        Assert.True(gates.max().item<float>() <= 1 && gates.min().item<float>() >= 0);
    }

    [Fact]
    public void Gates_depend_on_seed_and_time_alone()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        using var mask = new UnitMask(BackboneSegments.Of(network), initial: 0.5);
        Tensor Draw(long seed, float t) => mask.Draw(seed, tensor([t, t])).Units["transformer_blocks.0.ff"].detach();
        Assert.True(Draw(1, 500).Equals(Draw(1, 500)));
        Assert.False(Draw(1, 500).Equals(Draw(1, 400)));
        Assert.False(Draw(1, 500).Equals(Draw(2, 500)));
    }

    [Fact]
    public void A_channel_that_nothing_reads_feels_the_penalty_alone_and_goes_first()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        const string layer = "transformer_blocks.1.ff";
        using (no_grad())
        {
            network.state_dict()[$"{layer}.net.2.weight"].select(1, 7).zero_();
        }

        var segments = BackboneSegments.Of(network);
        using var mask = new UnitMask(segments);
        DdimSolver solver = Solver(2);
        using PairStore pairs = Pairs(network, solver);
        var objective = new EndToEndMaskObjective(mask, network, PredictionType.Flow, solver, pairs, rows: 2, penaltyWeight: 0.1);

        _ = objective.Loss(new TrainingDraw(0, 3));
        Assert.Equal(0, mask.Logits[layer].grad![7].item<float>());
        Assert.True(mask.Logits[layer].grad!.abs().max().item<float>() > 0);
        mask.zero_grad();
        using (var trainer = new Trainer(objective, new TrainerOptions { Steps = 8, LearningRate = 0.1, WarmupSteps = 1, WeightDecay = 0, AverageDecay = 0, GradientClip = 1e6, FinalLearningRateRatio = 1 }, folder.Path))
        {
            trainer.Run(1);
        }

        // Its logit falls at the full rate, and no other is below it by more than rounding.
        double[] scores = mask.Scores()[layer];
        Assert.True(scores[7] <= scores.Min() + 0.02, $"{scores[7]} and {scores.Min()}");
        Assert.True(scores[7] < 3);
    }

    [Fact]
    public void The_lowest_go_over_all_layers_until_the_share_of_parameters_is_gone()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        var segments = BackboneSegments.Of(network);
        var random = new Random(1);
        Dictionary<string, double[]> scores = segments.Branches.ToDictionary(branch => branch.Name, branch => Enumerable.Range(0, branch.Units).Select(_ => random.NextDouble()).ToArray());
        var mask = UnitRanking.Lowest(segments, scores, 0.1);
        using DiTTransformer2DModel smaller = Removal.Apply(network, mask);
        double gone = 1 - ((double)BackboneSegments.Of(smaller).TotalParameters / segments.TotalParameters), unit = (double)segments.Branches.Max(branch => branch.ParametersPerUnit) / segments.TotalParameters;
        Assert.InRange(gone, 0.1, 0.1 + unit);
        double highestGone = mask.KeptUnits.Max(entry => Enumerable.Range(0, scores[entry.Key].Length).Except(entry.Value).Max(unit => scores[entry.Key][unit]));
        Assert.True(highestGone <= scores.Min(entry => Enumerable.Range(0, entry.Value.Length).Where(unit => !mask.KeptUnits.TryGetValue(entry.Key, out IReadOnlyList<int>? kept) || kept.Contains(unit)).Min(unit => entry.Value[unit])));
    }

    [Fact]
    public void Magnitudes_are_means_over_the_weights_of_a_unit()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        using (no_grad())
        {
            Dictionary<string, Tensor> weights = network.state_dict();
            weights["transformer_blocks.0.ff.net.2.weight"].select(1, 3).zero_();
            weights["transformer_blocks.0.ff.net.0.proj.weight"].select(0, 3).zero_();
            foreach (string matrix in (string[])["to_q", "to_k", "to_v"])
            {
                weights[$"transformer_blocks.2.attn1.{matrix}.weight"].narrow(0, 4, 4).zero_();
            }

            weights["transformer_blocks.2.attn1.to_out.0.weight"].narrow(1, 4, 4).zero_();
        }

        IReadOnlyDictionary<string, double[]> magnitudes = UnitRanking.Magnitudes(network);
        Assert.Equal([3], Zeros("transformer_blocks.0.ff"));
        Assert.Equal([1], Zeros("transformer_blocks.2.attn1"));
        Assert.Empty(Zeros("transformer_blocks.1.ff"));

        IEnumerable<int> Zeros(string layer) => Enumerable.Range(0, magnitudes[layer].Length).Where(unit => magnitudes[layer][unit] == 0);
    }

    [Fact]
    public void What_cannot_be_learned_is_refused_in_a_sentence()
    {
        using var scope = NewDisposeScope();
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        var segments = BackboneSegments.Of(network);
        using var mask = new UnitMask(segments);
        using PairStore pairs = Pairs(network, Solver(2)), foreign = new(zeros(2, 4, 8, 8), zeros(2, 4, 8, 8), zeros(2, ScalarType.Int64), new PairOrigin("another", "Euler"));
        void Refused(string said, Action call) => Assert.Contains(said, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);
        EndToEndMaskObjective Objective(DiTTransformer2DModel of, PairStore store) => new(mask, of, PredictionType.Flow, Solver(2), store, rows: 2, penaltyWeight: 0.1);

        Refused("must be samples of this network", () => Objective(network, foreign));
        using DiTTransformer2DModel half = CompressionNetworks.DiT();
        half.to(bfloat16);
        Refused("float32 weights, got BFloat16", () => Objective(half, pairs));
        Refused("must be in (0, 1), got 1", () => UnitRanking.Lowest(segments, mask.Scores(), 1));
        Refused("less than the share", () => UnitRanking.Lowest(segments, mask.Scores(), 0.99));
        Refused("needs 4 scores, got 3", () => UnitRanking.Lowest(segments, new Dictionary<string, double[]> { ["transformer_blocks.0.attn1"] = [1, 2, 3] }, 0.01));
        Refused("The mask empties 'transformer_blocks.0.attn1'", () => UnitRanking.Lowest(segments, new Dictionary<string, double[]> { ["transformer_blocks.0.attn1"] = [0, 0, 0, 0] }, 1e-9 + (4.0 * segments.Branch("transformer_blocks.0.attn1").ParametersPerUnit / segments.TotalParameters) - 1e-8, mayEmpty: false));
        Refused("Temperature must be above 0", () => _ = new UnitMask(segments, new HardConcrete { Temperature = 0 }));

        // A sampler that adds noise would not meet its own steps again.
        var noisy = new DdimSolver(Steps(2), eta: 1);
        Assert.Contains("deterministic solvers only", Assert.Throws<InvalidOperationException>(() => new EndToEndMaskObjective(mask, network, PredictionType.Flow, noisy, pairs, 2, 0.1).Loss(new TrainingDraw(0, 1))).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<NoiseInterval> Steps(int count) => NoiseInterval.Between(
        [.. Enumerable.Range(0, count + 1).Select(step => SigmaPath.Of(Process).At(1 - ((double)step / count)))]);

    private static DdimSolver Solver(int steps) => new(Steps(steps));

    private static PairStore Pairs(DiTTransformer2DModel network, DdimSolver solver) => PairGeneration.Run(
        new Sampler(new Denoiser(network, PredictionType.Flow), solver), 1, [4, 8, 8], 6, new PairOrigin(WeightFingerprint.Of(network), "Euler"), seed: 2, batch: 6, classes: 4);

    private static Tensor[] Gradients(UnitMask mask) => [.. mask.Logits.Values.Select(logits => logits.grad!.clone())];
}

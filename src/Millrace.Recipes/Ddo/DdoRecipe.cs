using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Recipes.Worlds;
using Millrace.Solvers;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Recipes.Ddo;

/// <summary>Rounds of discriminative optimization on a model that is too small for its data, against more of the usual training.</summary>
public sealed class DdoRecipe : Recipe
{
    private const string Reference = "reference", Longer = "trained longer", One = "one round", Three = "three rounds";
    private const string Off = "share off the support", Distance = "sliced W2", Recall = "recall";
    private const int Batch = 1024, TrainingSteps = 12_000, PartSteps = 500, Parts = 3, Rounds = 3, Points = 20_000, RecallPoints = 3000, Pool = 50_000, Width = 32;
    private const double LeastRecall = 0.95; // over the round before's

    private static readonly Spiral Spiral = new();
    private static readonly EdmProcess Process = new(sigmaData: 0.75);
    private static readonly LogNormalTimeLaw Law = new(Process, mean: -1.5);
    private static readonly DiscriminativeOptions[] Grid =
        [.. new[] { 0.3, 1.0 }.SelectMany(sharpness => new[] { 0.5, 1.0, 2.0 }.Select(negative => new DiscriminativeOptions(sharpness, negative)))];

    /// <inheritdoc/>
    public override string Name => "ddo";

    /// <inheritdoc/>
    public override string Title => "Direct Discriminative Optimization: Your Likelihood-Based Visual Generative Model is Secretly a GAN Discriminator";

    /// <inheritdoc/>
    public override string Source => "Zheng et al. 2025, arXiv 2503.01103";

    /// <inheritdoc/>
    public override string Claim => "A converged model gets better, at no cost in sampling, by telling data from its own samples through its own likelihood.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points on a thin spiral and an EDM model of two layers of 32 units, too small for it; rounds on data and 50,000 samples of the round before (Heun, 18 steps). Each round tries six settings (beta 0.3 or 1, alpha 0.5, 1 or 2), looks at each after 500, 1,000 and 1,500 steps, and keeps what has the fewest points off the curve on a validation split without being farther from it, or covering less, than the round before; the table shows the losers of the first round.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("share off the support, three rounds over reference", 0.6, found => found[Three, Off] / found[Reference, Off]),
        new("share off the support, three rounds over trained longer", 0.7, found => found[Three, Off] / found[Longer, Off]),
        new("sliced W2, three rounds over reference", 0.9, found => found[Three, Distance] / found[Reference, Distance]),
        new("recall, three rounds over reference", 0.9, found => found[Three, Recall] / found[Reference, Recall]) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override string Notes => "";

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = context.Steps(Points), few = Math.Max(10, context.Steps(RecallPoints));
        using PointNetwork reference = New();
        context.Train("reference", Usual(reference), Training.Options(context.Steps(TrainingSteps)));
        Measure(Reference, reference);

        using (PointNetwork longer = reference.CopyTo(New()))
        {
            context.Train("longer", Usual(longer), Options(Rounds * Parts * context.Steps(PartSteps)));
            Measure(Longer, longer);
        }

        PointNetwork model = reference.CopyTo(New());
        for (int round = 1; round <= Rounds; round++)
        {
            using PointNetwork before = model;
            model = Round(before, round);
            if (round == 1)
            {
                Measure(One, model);
            }
        }

        Measure(Three, model);
        model.Dispose();
        return found;

        PointNetwork New() => new(PredictionType.Edm, context.Seed, Width, depth: 2, timeScale: 0.25);

        RegressionObjective Usual(PointNetwork network) => new(network, network, Process, Data) { TimeLaw = Law };

        PairStore Generate(PointNetwork from) => PairGeneration.Run(
            Sampler(from), Process.SigmaMax, [2, 1, 1], context.Steps(Pool), new PairOrigin(WeightFingerprint.Of(from), "Heun, 18 steps"), context.Seed, batch: 10_000,
            cancellation: context.Cancellation);

        // The best of all settings and lengths; the model of the round before where none is better.
        PointNetwork Round(PointNetwork from, int round)
        {
            using PairStore own = Generate(from);
            Coupling generated = (_, random) => own.Draw(Batch, random) with { Noise = random.Normal(Batch, 2, 1, 1) };
            (double off, double distance, double recall) = Validate(from);
            (PointNetwork best, double least) = (from.CopyTo(New()), off);
            foreach (DiscriminativeOptions setting in Grid)
            {
                using PointNetwork tried = from.CopyTo(New());
                var objective = new DiscriminativeObjective(tried, tried, from, Process, Data, generated, Law, setting);
                for (int part = 1; part <= Parts; part++)
                {
                    string folder = $"round-{round}-{Array.IndexOf(Grid, setting)}-";
                    context.Continue(folder + (part - 1), folder + part);
                    context.Train(folder + part, objective, Options(part * context.Steps(PartSteps)) with { FinalLearningRateRatio = 1 });
                    var now = Validate(tried);
                    if (round == 1 && part == Parts)
                    {
                        found[$"beta {setting.Sharpness}, alpha {setting.NegativeWeight}", "share off the support on validation"] = now.Off;
                    }

                    if (now.Off < least && now.Distance <= distance && now.Recall >= LeastRecall * recall)
                    {
                        (least, _) = (now.Off, tried.CopyTo(best));
                    }
                }
            }

            return best;
        }

        (double Off, double Distance, double Recall) Validate(PointNetwork network) => Judge(network, context.Seed + 900);

        void Measure(string arm, PointNetwork network) => (found[arm, Off], found[arm, Distance], found[arm, Recall]) = Judge(network, context.Seed + 300);

        (double Off, double Distance, double Recall) Judge(PointNetwork network, long seed)
        {
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(seed, CPU);
            Tensor drawn = Sampler(network).Follow(random.Normal(points, 2, 1, 1).Times(Process.SigmaMax)), data = Spiral.Draw(points, random);
            return (Spiral.OffSupport(drawn), SlicedWasserstein.Distance(drawn, data), ManifoldScores.Of(data.narrow(0, 0, few), drawn.narrow(0, 0, few)).Recall.Value);
        }
    }

    private static TrainerOptions Options(int steps) => Training.Options(steps, learningRate: 5e-4) with { AverageDecay = 0.995 };

    private static CoupledBatch Data(long step, SeededRandom random) => new(Spiral.Draw(Batch, random), random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch));

    private static Sampler Sampler(PointNetwork network) => EdmSampling.Heun(network, Process, 18);
}

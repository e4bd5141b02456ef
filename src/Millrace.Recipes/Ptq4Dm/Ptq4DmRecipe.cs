using Millrace.Checkpoints;
using Millrace.Compression.Calibration;
using Millrace.Compression.Quantization;
using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Ptq4Dm;

/// <summary>Calibration rows from the model's own way at normally distributed times, against pictures, noised pictures and pure noise.</summary>
public sealed class Ptq4DmRecipe : Recipe
{
    private const string Own = "own way, normal times", Pictures = "pictures, t = 0", Noised = "noised pictures, uniform times", Noise = "own way, first step", WholeRange = "own way, normal times, least to greatest";
    private const string Six = "sample error, W6A6", Eight = "sample error, W8A8", Named = "named as the float sample, W8A8", Bytes = "bytes over float32";

    private static readonly string[] Prompts =
    [
        "red apple", "cat face", "sunflower", "grinning face", "blue heart", "house", "dog face", "pizza", "umbrella", "star", "fish", "full moon",
        "evergreen tree", "rocket", "soccer ball", "rose", "bus", "crown", "banana", "owl", "snowman", "key", "ghost", "mushroom",
    ];

    /// <inheritdoc/>
    public override string Name => "ptq4dm";

    /// <inheritdoc/>
    public override string Title => "Post-training Quantization on Diffusion Models";

    /// <inheritdoc/>
    public override string Source => "Shang et al. 2023, arXiv 2211.15736";

    /// <inheritdoc/>
    public override string Claim => "Ranges of activations move with the time step: rows for calibration must come from the model's own way from noise to data, at times drawn from a normal law, and then 8 bits cost next to nothing.";

    /// <inheritdoc/>
    public override string Experiment =>
        "the U-Net of the shipped emoji model, all convolutions and matrix products but the first and the last in integers, computed by the integer kernels; 64 calibration rows from DDIM samplings of eight steps, by four sources; the same 64 samples, seed for seed, as the float32 network's. The error is mean squared, over the samples' own mean square. In place of a distance of features, which needs thousands of samples: how often the judge names a sample as its float32 twin.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("sample error at 6 bits, own way over pictures", 0.8, found => found[Own, Six] / found[Pictures, Six]),
        new("sample error at 6 bits, own way over the best other source", 1.05, found => found[Own, Six] / new[] { Pictures, Noised, Noise }.Min(arm => found[arm, Six])),
        new("samples named as their float twins at 8 bits, own way", 0.9, found => found[Own, Named]) { AtLeast = true },
        new("bytes of the network over those in float32", 0.27, found => found[Own, Bytes]),
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        bool smoke = context.Scale == RecipeScale.Smoke;
        int rows = context.Scale == RecipeScale.Full ? 192 : smoke ? CalibrationSet.Least : 64, samples = smoke ? 4 : rows, steps = smoke ? 2 : 8;
        using IDisposable gradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using DiffusionModel plain = Load();
        var trial = new Trial(context, steps, samples, smoke ? 3 : 50);
        context.Progress.Report("samples of the float32 network");
        Tensor expected = trial.Sample(plain, context.Seed), clean = trial.Sample(plain, context.Seed + 1000, rows);
        using PictureJudge judge = PictureJudge.Load(ShippedModels.Find("emoji-judge"));
        IReadOnlyList<string> names = judge.Classify(Trial.Decode(plain, expected));

        var found = new Findings();
        foreach ((string arm, Func<CalibrationSet> source) in Sources(plain, trial, clean, rows))
        {
            using CalibrationSet calibration = source();
            foreach (int bits in arm == Own || arm == Pictures ? new[] { 6, 8 } : [6])
            {
                Measure(arm, calibration, bits, wholeRange: false);
            }

            if (arm == Own)
            {
                Measure(WholeRange, calibration, 6, wholeRange: true);
            }
        }

        return found;

        void Measure(string arm, CalibrationSet calibration, int bits, bool wholeRange)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress.Report($"{arm}, {bits} bits");
            using DiffusionModel model = Load();
            using QuantizedNetwork integers = NetworkQuantizer.Quantize((Module)model.Network, model.Denoiser, calibration, trial.Options(bits, wholeRange), cancellation: context.Cancellation);
            found[arm, Bytes] = Ratio(integers, (Module)model.Network);
            integers.UseIn((Module)model.Network);
            Tensor sampled = trial.Sample(model, context.Seed);
            found[arm, bits == 6 ? Six : Eight] = (sampled.Minus(expected).Squared().mean() / expected.Squared().mean()).item<float>();
            if (bits == 8)
            {
                found[arm, Named] = judge.Classify(Trial.Decode(plain, sampled)).Zip(names).Count(pair => pair.First == pair.Second) / (double)names.Count;
            }
        }
    }

    private static DiffusionModel Load() => DiffusersFolder.Load(ShippedModels.Find("emoji"));

    private static IEnumerable<(string Arm, Func<CalibrationSet> Source)> Sources(DiffusionModel model, Trial trial, Tensor clean, int rows)
    {
        yield return (Own, () => trial.OwnWay(model, rows, new NormalTimeLaw()));
        yield return (Noise, () => trial.OwnWay(model, rows, new GridTimeLaw(1)));
        yield return (Pictures, () => new CalibrationSet(clean.alias().DetachFromDisposeScope(), zeros(rows).DetachFromDisposeScope(), Trial.Conditions(model, rows, detached: true)));
        yield return (Noised, () => trial.NoisedPictures(model, clean));
    }

    /// <summary>Bytes of the integer layers and of the rest in float32, over all in float32.</summary>
    private static double Ratio(QuantizedNetwork integers, Module network)
    {
        double all = 4.0 * network.parameters().Sum(parameter => parameter.numel()), replaced = 4.0 * integers.Layers.Sum(layer => layer.Weights.numel());
        return (integers.Bytes + all - replaced) / all;
    }

    /// <summary>What all arms share.</summary>
    private sealed class Trial(RecipeContext context, int steps, int samples, int candidates)
    {
        private const int Batch = 16;

        public QuantizationOptions Options(int bits, bool wholeRange) =>
            new() { WeightBits = bits, ActivationBits = bits, LeastOperations = 0, Candidates = wholeRange ? 1 : candidates, Batch = Batch };

        public CalibrationSet OwnWay(DiffusionModel model, int rows, TimeLaw law)
        {
            using Conditioning conditions = Conditions(model, rows);
            return new CalibrationSampler(model.Denoiser, Solver(model)).Sample(conditions, Shape(model), law, context.Seed + 2000, Batch, cancellation: context.Cancellation);
        }

        public CalibrationSet NoisedPictures(DiffusionModel model, Tensor clean)
        {
            using DisposeScope scope = NewDisposeScope();
            using var random = new SeededRandom(context.Seed, CPU);
            Tensor t = random.Uniform(clean.shape[0]).Times(model.Process.TimeRange.Last).round();
            (Tensor alpha, Tensor sigma) = model.Process.Coefficients(t);
            Tensor noised = (alpha * clean).Plus(sigma * random.Normal(clean.shape));
            return new CalibrationSet(noised.DetachFromDisposeScope(), t.DetachFromDisposeScope(), Conditions(model, (int)clean.shape[0], detached: true));
        }

        public static Conditioning Conditions(DiffusionModel model, int rows, bool detached = false)
        {
            Conditioning encoded = model.TextEncoder.Encode([.. Enumerable.Range(0, rows).Select(row => Prompts[row % Prompts.Length])]);
            return detached ? encoded.Select(part => part.alias().DetachFromDisposeScope()) : encoded;
        }

        /// <summary>Clean latents, [N, C, H, W].</summary>
        public Tensor Sample(DiffusionModel model, long seed, int? count = null)
        {
            using DisposeScope scope = NewDisposeScope();
            int rows = count ?? samples;
            Conditioning conditions = Conditions(model, rows);
            var sampler = new Sampler(model.Denoiser, Solver(model));
            var parts = new List<Tensor>();
            for (int start = 0; start < rows; start += Batch)
            {
                int size = Math.Min(Batch, rows - start);
                using var noise = new SeededNoise([.. Enumerable.Range(start, size).Select(row => seed + row)]);
                Tensor x = sampler.Begin(noise.Draw, zeros([size, .. Shape(model)]));
                parts.Add(sampler.Sample(x, conditions.Select(part => part.narrow(0, start, size)), noise.Draw, cancellationToken: context.Cancellation));
            }

            return cat(parts, 0).MoveToOuterDisposeScope();
        }

        public static Tensor Decode(DiffusionModel model, Tensor latents)
        {
            using DisposeScope scope = NewDisposeScope();
            return cat([.. latents.split(Batch).Select(part => model.Autoencoder.Decode(part))], 0).Clamped(-1, 1).MoveToOuterDisposeScope();
        }

        private DdimSolver Solver(DiffusionModel model) => DdimSolver.Leading(model.Process, steps);

        private static long[] Shape(DiffusionModel model)
        {
            long side = model.DefaultSize / model.Autoencoder.SpatialFactor;
            return [model.Autoencoder.LatentChannels, side, side];
        }
    }
}

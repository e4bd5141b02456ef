using System.Text.Json;
using Millrace.Checkpoints;
using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>
/// Solvers over the model f(x, t) = 0.3 x + 0.1 sin(t / 100) - 0.05: an <c>index.json</c> that names a scheduler class
/// (<c>cls</c>), its <c>config</c> and the number of <c>steps</c> for each case, and for each case a file with the timesteps, every x, and the noise drawn.
/// </summary>
internal sealed class SolverFixture : IFixtureKind
{
    public bool Recognizes(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().All(entry => entry.Value.ValueKind == JsonValueKind.Object && entry.Value.TryGetProperty("cls", out _));

    public IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().Select(entry => Case(folder, entry.Name, entry.Value));

    private static FixtureCase Case(FixtureFolder folder, string name, JsonElement settings)
    {
        string className = settings.GetProperty("cls").ToString();
        return new FixtureCase($"{folder.Label}/{name}", className, () => Compare(folder, name, className, settings));
    }

    private static List<TensorComparison> Compare(FixtureFolder folder, string name, string className, JsonElement settings)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        (PredictionType prediction, SamplingPlan plan) = Plan(folder, className, settings);
        using SafetensorsFile file = SafetensorsFile.Open(folder.PathOf($"{name}.safetensors"));
        var solver = (GridSolver)plan.Solver;
        List<TensorComparison> comparisons = [TensorComparison.Of("timesteps", tensor(solver.Timesteps.ToArray()), file.Read("timesteps"))];
        if (file.Contains("sigmas") && file.Read("sigmas") is var sigmas && sigmas.shape[0] == solver.Levels.Count + 1)
        {
            comparisons.Add(TensorComparison.Of("sigmas", tensor([.. solver.Levels.Select(level => SigmaOf(level, prediction))]), sigmas[..^1]));
        }

        for (SolverState state = solver.Start(file.Read("x.0")); solver.Next(state) is { } level;)
        {
            int step = state.Position;
            Tensor output = Model(state.X.Times(level.InputScale), level.Timestep);
            state = solver.Step(state, Estimate.Of(prediction, output, state.X, level, plan.Constraint), _ => Noise(file, step));
            comparisons.Add(TensorComparison.Of($"x.{step + 1}", state.X, file.Read($"x.{step + 1}")));
        }

        return comparisons;
    }

    /// <summary>A setting that is well-formed but not known here makes the case unsupported, not broken.</summary>
    private static (PredictionType Prediction, SamplingPlan Plan) Plan(FixtureFolder folder, string className, JsonElement settings)
    {
        try
        {
            DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.PathOf(FixtureFolder.IndexFile), className, settings.GetProperty("config"))
                ?? throw new NotSupportedException($"{className} is not computed here yet.");
            return (scheduler.Prediction, scheduler.Plan(settings.GetProperty("steps").GetInt32(), PlanOptions(folder, settings)));
        }
        catch (InvalidDataException error)
        {
            throw new NotSupportedException(error.Message, error);
        }
    }

    private static SamplingPlanOptions PlanOptions(FixtureFolder folder, JsonElement settings)
    {
        if (!settings.TryGetProperty("set_timesteps", out JsonElement arguments))
        {
            return new SamplingPlanOptions();
        }

        var config = new ConfigFile(folder.PathOf(FixtureFolder.IndexFile), arguments);
        double mu = config.Number("mu", double.NaN);
        int original = config.Integer("original_inference_steps", 0);
        var options = new SamplingPlanOptions
        {
            Mu = double.IsNaN(mu) ? null : mu,
            Sigmas = config.Numbers("sigmas"),
            OriginalSteps = original == 0 ? null : original,
        };
        config.Close(() => { });
        return options;
    }

    private static double SigmaOf(NoiseLevel level, PredictionType prediction) => prediction == PredictionType.Flow ? level.Sigma : level.NoiseRatio;

    private static Tensor Noise(SafetensorsFile file, int step) => file.Contains($"noise.{step}")
        ? file.Read($"noise.{step}")
        : throw new InvalidDataException($"{file.Path}: step {step} adds noise, and there is no noise.{step}.");

    private static Tensor Model(Tensor x, double timestep) => x.Times(0.3).Plus((0.1 * Math.Sin(timestep / 100)) - 0.05);
}

using System.Text.Json;
using Millrace.Checkpoints;
using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>
/// Solvers over the model f(x, t) = 0.3 x + 0.1 sin(t / 100) - 0.05: an <c>index.json</c> that names a scheduler class
/// (<c>cls</c>) and its <c>config</c> for each case, and for each case a file with the timesteps, every x, and the noise drawn.
/// </summary>
internal sealed class SolverFixture : IFixtureKind
{
    private static readonly (string Setting, string Value)[] ConsistencySettings =
        [("beta_schedule", "scaled_linear"), ("beta_start", "0.00085"), ("beta_end", "0.012"), ("original_inference_steps", "50"), ("prediction_type", "epsilon")];

    private static readonly Dictionary<string, Func<SafetensorsFile, JsonElement, IReadOnlyList<TensorComparison>>> Solvers = new()
    {
        ["LCMScheduler"] = CompareConsistency,
    };

    public bool Recognizes(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().All(entry => entry.Value.ValueKind == JsonValueKind.Object && entry.Value.TryGetProperty("cls", out _));

    public IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().Select(entry => Case(folder, entry.Name, entry.Value));

    private static FixtureCase Case(FixtureFolder folder, string name, JsonElement settings)
    {
        string className = settings.GetProperty("cls").ToString();
        return Solvers.ContainsKey(className)
            ? new FixtureCase($"{folder.Label}/{name}", className, () => Compare(folder.PathOf($"{name}.safetensors"), className, settings.GetProperty("config")))
            : FixtureCase.Unsupported($"{folder.Label}/{name}", className, $"{className} is not computed here yet.");
    }

    private static IReadOnlyList<TensorComparison> Compare(string path, string className, JsonElement config)
    {
        using var scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return Solvers[className](file, config);
    }

    /// <summary>Consistency sampling: to x_0 and, before the last step, back to the next level with the recorded noise.</summary>
    private static List<TensorComparison> CompareConsistency(SafetensorsFile file, JsonElement config)
    {
        if (ConsistencySettings.Where(entry => config.GetProperty(entry.Setting).ToString() != entry.Value).ToArray() is [var (setting, value), ..])
        {
            throw new NotSupportedException($"Consistency sampling here has the {setting} {value}, not {config.GetProperty(setting)}.");
        }

        Tensor timesteps = file.Read("timesteps"), x = file.Read("x.0");
        int count = (int)timesteps.shape[0];
        ConsistencyLevel[] levels = [.. LcmTimesteps.Grid(count).Select(timestep => ConsistencyLevel.At(VariancePreservingProcess.StableDiffusion, timestep))];
        List<TensorComparison> comparisons = [TensorComparison.Of("timesteps", tensor([.. levels.Select(level => (double)level.Timestep)]), timesteps)];
        for (int step = 0; step < count; step++)
        {
            ConsistencyLevel at = levels[step];
            Tensor sample = (at.Out * (x - (at.Sigma * Model(x, at.Timestep))) / at.Alpha) + (at.Skip * x);
            x = step == count - 1 ? sample : (levels[step + 1].Alpha * sample) + (levels[step + 1].Sigma * file.Read($"noise.{step}"));
            comparisons.Add(TensorComparison.Of($"x.{step + 1}", x, file.Read($"x.{step + 1}")));
        }

        return comparisons;
    }

    private static Tensor Model(Tensor x, double timestep) => (0.3 * x) + (0.1 * Math.Sin(timestep / 100)) - 0.05;
}

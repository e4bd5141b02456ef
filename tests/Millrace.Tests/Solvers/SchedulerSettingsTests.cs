using System.Text.Json;
using Millrace.Checkpoints.Schedulers;
using Millrace.Solvers;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

/// <summary>
/// Combinations of settings drawn by chance, each class with all that it has, against trajectories computed in double precision by plain loops over
/// the formulas of that class alone, which share nothing with the solvers here. The network is 0.3 x + 0.1 sin(t / 100) - 0.05.
/// </summary>
public sealed class SchedulerSettingsTests
{
    private static readonly Lazy<JsonElement[]> Cases = new(() =>
        [.. JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "scheduler-settings", "cases.json"))).RootElement.EnumerateArray()]);

    public static TheoryData<string> Classes => [.. Cases.Value.Select(one => one.GetProperty("class").GetString()!).Distinct()];

    [Theory]
    [MemberData(nameof(Classes))]
    public void No_setting_is_passed_over(string name) => Assert.All(Cases.Value.Where(one => one.GetProperty("class").GetString() == name), one =>
    {
        using var scope = NewDisposeScope();
        DiffusersScheduler scheduler = DiffusersScheduler.Read("cases.json", name, one.GetProperty("config"))!;
        double? mu = one.TryGetProperty("mu", out JsonElement said) ? said.GetDouble() : null;
        SamplingPlan plan = scheduler.Plan(one.GetProperty("steps").GetInt32(), new SamplingPlanOptions { Mu = mu });
        var solver = (GridSolver)plan.Solver;
        Tensor[] expected = [.. one.GetProperty("x").EnumerateArray().Select(Rows)];
        JsonElement noise = one.GetProperty("noise");

        Assert.All(Numbers(one.GetProperty("timesteps")).Zip(solver.Timesteps), time => Assert.Equal(time.First, time.Second, 1e-3));
        SolverState state = solver.Start(expected[0]);
        for (int step = 0; solver.Next(state) is { } level; step++)
        {
            Tensor output = state.X.Times(level.InputScale).Times(0.3).Plus((0.1 * Math.Sin(level.Timestep / 100)) - 0.05);
            string key = $"{step}";
            state = solver.Step(state, Estimate.Of(scheduler.Prediction, output, state.X, level, plan.Constraint), _ => Rows(noise.GetProperty(key)));
            Assert.True(Golden.RelativeError(expected[step + 1], state.X) < 1e-4, $"{one.GetProperty("config")}, {expected.Length - 1} evaluations: x.{step + 1}");
        }
    });

    // Two rows, for thresholds go by rows.
    private static Tensor Rows(JsonElement numbers) => tensor(Numbers(numbers), [2, 1, 1, 2]).to(float32);

    private static double[] Numbers(JsonElement numbers) => [.. numbers.EnumerateArray().Select(number => number.GetDouble())];
}

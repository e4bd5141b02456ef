using System.Reflection;
using Millrace.Runtime;

namespace Millrace.Recipes;

/// <summary>Runs a recipe with its seeds and writes its record and its plot.</summary>
/// <param name="time">Clock.</param>
public sealed class RecipeRunner(TimeProvider time)
{
    private const int Seeds = 3;

    /// <summary>Commit that this program was built from; "unknown" where the build did not tell.</summary>
    public static string Commit { get; } =
        typeof(RecipeRunner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, { Length: >= 10 } commit] ? commit[..10] : "unknown";

    /// <summary>Runs a recipe: once for smoke, else with three seeds.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="scale">How large.</param>
    /// <param name="folder">Gets record.json, plot.png and a folder for each seed.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellation">Ends the run; one that is started again in the same folder goes on.</param>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public RecipeRecord Run(Recipe recipe, RecipeScale scale, string folder, IProgress<string> progress, CancellationToken cancellation)
    {
        long start = time.GetTimestamp();
        long[] seeds = [.. Enumerable.Range(1, scale == RecipeScale.Smoke ? 1 : Seeds)];
        var findings = new List<Findings>();
        int threads = TorchSharp.torch.get_num_threads();
        OpenMp.SetThreads(1); // networks of points gain nothing from more, and lose much where others need the cores
        try
        {
            foreach (long seed in seeds)
            {
                cancellation.ThrowIfCancellationRequested();
                var told = new Prefixed(progress, $"seed {seed}: ");
                findings.Add(recipe.Run(new RecipeContext(scale, seed, Path.Combine(folder, $"seed-{seed}"), told, cancellation)));
            }
        }
        finally
        {
            OpenMp.SetThreads(threads);
        }

        var record = RecipeRecord.Of(
            recipe, scale, seeds, findings, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), Commit, time.GetElapsedTime(start).TotalMinutes);
        RecipeRecordFile.Write(Path.Combine(folder, "record.json"), record);
        RecipePlot.Draw(record, Path.Combine(folder, "plot.png"));
        return record;
    }

    private sealed class Prefixed(IProgress<string> progress, string prefix) : IProgress<string>
    {
        public void Report(string value) => progress.Report(prefix + value);
    }
}

using System.Text.Json;
using Millrace.Recipes;
using Millrace.Tests.Cli;
using Millrace.Training;

namespace Millrace.Tests.Recipes;

public sealed class RecipeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. RecipeBook.All.Select(recipe => recipe.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_recipe_runs_at_the_smallest_scale_and_its_losses_fall(string name)
    {
        RecipeRecord record = new RecipeRunner(TimeProvider.System).Run(
            RecipeBook.Find(name), RecipeScale.Smoke, _folder.Path, new Progress<string>(), TestContext.Current.CancellationToken);

        Assert.All(record.Measurements, measurement => Assert.All(measurement.Values, value => Assert.True(double.IsFinite(value), $"{measurement.Arm}, {measurement.Metric}: {value}")));
        Assert.All(record.Criteria, criterion => Assert.True(double.IsFinite(criterion.Mean), criterion.Text));
        Assert.True(new FileInfo(_folder.File("plot.png")).Length > 1000);

        // The first training, which is that of the model that all else begins with; a recipe about running networks trains none.
        TrainingProgress[]? log = Directory.EnumerateFiles(_folder.Path, "log.jsonl", SearchOption.AllDirectories)
            .OrderBy(File.GetLastWriteTimeUtc)
            .Select(file => File.ReadLines(file).Select(line => JsonSerializer.Deserialize<TrainingProgress>(line)!).ToArray())
            .FirstOrDefault();
        Assert.True(
            log is null || log[1..].Min(entry => entry.Loss) < log[0].Loss, $"{string.Join(", ", log?.Select(entry => entry.Loss) ?? [])}");
        Assert.Equal(File.ReadAllText(_folder.File("record.json")), Rewritten());

        string Rewritten()
        {
            string copy = _folder.File("copy.json");
            RecipeRecordFile.Write(copy, RecipeRecordFile.Read(_folder.File("record.json")));
            return File.ReadAllText(copy);
        }
    }

    [Fact]
    public void A_run_that_was_ended_goes_on_and_finds_the_same()
    {
        Recipe recipe = RecipeBook.Find("rectified-flow");
        string whole = _folder.File("whole"), parts = _folder.File("parts");
        var runner = new RecipeRunner(TimeProvider.System);
        RecipeRecord expected = runner.Run(recipe, RecipeScale.Smoke, whole, new Progress<string>(), TestContext.Current.CancellationToken);
        using (var cancellation = new CancellationTokenSource())
        {
            var ends = new Ends(cancellation, "making pairs");
            Assert.Throws<OperationCanceledException>(() => runner.Run(recipe, RecipeScale.Smoke, parts, ends, cancellation.Token));
        }

        RecipeRecord found = runner.Run(recipe, RecipeScale.Smoke, parts, new Progress<string>(), TestContext.Current.CancellationToken);
        Assert.Equal(expected.Measurements.SelectMany(measurement => measurement.Values), found.Measurements.SelectMany(measurement => measurement.Values));
    }

    [Fact]
    public async Task The_command_lists_runs_and_writes_the_page()
    {
        CommandLineResult list = await CommandLine.RunAsync("recipe", "list");
        Assert.All(RecipeBook.All, recipe => Assert.Contains(recipe.Name, list.Output, StringComparison.Ordinal));
        CommandLineResult unknown = await CommandLine.RunAsync("recipe", "run", "alchemy");
        Assert.NotEqual(0, unknown.ExitCode);
        Assert.Contains("There is no recipe 'alchemy'", unknown.Error, StringComparison.Ordinal);
        CommandLineResult run = await CommandLine.RunAsync("recipe", "run", "rectified-flow", "--scale", "smoke", "--output", _folder.File("run"));
        Assert.Equal(0, run.ExitCode);
        Directory.CreateDirectory(_folder.File("records"));
        File.Copy(_folder.File("run/record.json"), _folder.File("records/rectified-flow.json"));
        CommandLineResult page = await CommandLine.RunAsync("recipe", "page", _folder.File("records"));
        Assert.Contains("## rectified-flow", page.Output, StringComparison.Ordinal);
        Assert.Contains("straightness S, 2-rectified over 1-rectified | at most 0.2 |", page.Output, StringComparison.Ordinal);
    }

    private sealed class Ends(CancellationTokenSource cancellation, string at) : IProgress<string>
    {
        public void Report(string value)
        {
            if (value.EndsWith(at, StringComparison.Ordinal))
            {
                cancellation.Cancel();
            }
        }
    }
}

using Millrace.Recipes;

namespace Millrace.Tests.Slow;

/// <summary>Every recipe's experiment, some minutes each, against the record that is committed: what held then still holds.</summary>
public sealed class RecipeClaimTests(ITestOutputHelper output) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("millrace-");

    public static TheoryData<string> Names => [.. RecipeBook.All.Select(recipe => recipe.Name)];

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_record_says_holds(string name)
    {
        RecipeRecord kept = RecipeRecordFile.Read(Path.Combine(AppContext.BaseDirectory, "Records", $"{name}.json"));
        RecipeRecord found = new RecipeRunner(TimeProvider.System).Run(
            RecipeBook.Find(name), RecipeScale.Small, _folder.FullName, new Progress<string>(), TestContext.Current.CancellationToken);
        foreach (RecipeRecord.Verdict verdict in found.Criteria)
        {
            output.WriteLine($"{verdict.Text}: {verdict.Mean:G3} ({verdict.Low:G3} to {verdict.High:G3}), bound {verdict.Bound:G3}");
        }

        Assert.Equal(kept.Criteria.Select(criterion => criterion.Text), found.Criteria.Select(criterion => criterion.Text));
        Assert.All(kept.Criteria.Zip(found.Criteria).Where(pair => pair.First.Holds), pair => Assert.True(pair.Second.Holds, pair.Second.Text));
    }
}

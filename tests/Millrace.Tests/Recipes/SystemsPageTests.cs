using Millrace.Recipes;
using Millrace.Tests.Support;

namespace Millrace.Tests.Recipes;

public sealed class SystemsPageTests
{
    [Fact]
    public void The_page_is_what_the_records_say()
    {
        string root = SourceTree.Root;
        RecipeRecord[] records = [.. Directory.EnumerateFiles(Path.Combine(root, "src", "Millrace.Recipes", "Records"), "*.json").Order(StringComparer.Ordinal).Select(RecipeRecordFile.Read)];
        Assert.Equal(SystemsPage.Write(records), File.ReadAllText(Path.Combine(root, "docs", "systems.md")));
        Assert.All(records, record => Assert.Equal((RecipeScale.Small, 3), (record.Scale, record.Seeds.Count)));
        Assert.All(records, record => Assert.Equal(RecipeBook.Find(record.Name).Criteria.Select(criterion => criterion.Text), record.Criteria.Select(verdict => verdict.Text)));
    }
}

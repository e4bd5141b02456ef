using System.Globalization;
using System.Text;

namespace Millrace.Recipes;

/// <summary>The page of systems, made from the records.</summary>
public static class SystemsPage
{
    private const string Head = """
        # Systems

        Methods from the literature, each as parts of the library and one small experiment, `millrace recipe run NAME`. A claim counts
        as reproduced where all its criteria hold in the mean over the seeds; what does not reproduce is shown all the same. This page is
        made from the records by `millrace recipe page`.

        | system | claim | holds | on |
        |---|---|---|---|

        """;

    /// <summary>Writes the page.</summary>
    /// <param name="records">Records; a recipe without one is listed as not run.</param>
    public static string Write(IReadOnlyCollection<RecipeRecord> records)
    {
        var page = new StringBuilder(Head);
        foreach (Recipe recipe in RecipeBook.All)
        {
            RecipeRecord? record = records.FirstOrDefault(record => record.Name == recipe.Name);
            string holds = record is null ? "not run" : $"{record.Criteria.Count(criterion => criterion.Holds)} of {record.Criteria.Count}";
            page.Append(CultureInfo.InvariantCulture, $"| [{recipe.Name}](#{recipe.Name}) | {recipe.Claim} | {holds} | {record?.Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "-"} |\n");
        }

        foreach (Recipe recipe in RecipeBook.All)
        {
            Append(page, recipe, records.FirstOrDefault(record => record.Name == recipe.Name));
        }

        return page.ToString();
    }

    private static void Append(StringBuilder page, Recipe recipe, RecipeRecord? record)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n## {recipe.Name}\n\n{recipe.Title}, {recipe.Source}. {recipe.Claim}\n\nHere: {recipe.Experiment}\n");
        if (record is null)
        {
            return;
        }

        page.Append(CultureInfo.InvariantCulture, $"\nScale {record.Scale.ToString().ToLowerInvariant()}, {record.Seeds.Count} seeds, {record.Minutes:0.#} minutes, {record.Date:yyyy-MM-dd}, commit {record.Commit}.\n");
        page.Append("\n| criterion | bound | found (95 % interval) | holds |\n|---|---|---|---|\n");
        foreach (RecipeRecord.Verdict verdict in record.Criteria)
        {
            string bound = string.Create(CultureInfo.InvariantCulture, $"{(verdict.AtLeast ? "at least" : "at most")} {verdict.Bound:G3}");
            page.Append(CultureInfo.InvariantCulture, $"| {verdict.Text} | {bound} | {verdict.Mean:G3} ({verdict.Low:G3} to {verdict.High:G3}) | {(verdict.Holds ? "yes" : "**no**")} |\n");
        }

        page.Append("\n| arm | metric | mean | each seed |\n|---|---|---|---|\n");
        foreach (RecipeRecord.Measurement measurement in record.Measurements)
        {
            string each = string.Join(", ", measurement.Values.Select(value => value.ToString("G3", CultureInfo.InvariantCulture)));
            page.Append(CultureInfo.InvariantCulture, $"| {measurement.Arm} | {measurement.Metric} | {measurement.Values.Average():G3} | {each} |\n");
        }

        if (recipe.Notes.Length > 0)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n{recipe.Notes}\n");
        }
    }
}

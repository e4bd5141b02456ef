using ScottPlot;

namespace Millrace.Recipes;

/// <summary>Draws a record: each metric a group of bars, one an arm, with the range over the seeds.</summary>
internal static class RecipePlot
{
    private const int Width = 460, Height = 60, Row = 34;

    public static void Draw(RecipeRecord record, string path)
    {
        string[] names = [.. record.Measurements.Select(measurement => measurement.Arm).Distinct()];
        var palette = new ScottPlot.Palettes.Category10();
        var groups = record.Measurements.GroupBy(measurement => measurement.Metric).ToArray();
        var page = new Multiplot();
        page.AddPlots(groups.Length);
        page.Layout = new ScottPlot.MultiplotLayouts.Columns();
        foreach ((int index, IGrouping<string, RecipeRecord.Measurement> group) in groups.Index())
        {
            Plot plot = page.GetPlot(index);
            RecipeRecord.Measurement[] arms = [.. group];
            Bar[] bars = [.. arms.Index().Select(arm => new Bar
            {
                Position = -arm.Index, // from the top
                Value = arm.Item.Values.Average(),
                Error = (arm.Item.Values.Max() - arm.Item.Values.Min()) / 2,
                FillColor = palette.GetColor(Array.IndexOf(names, arm.Item.Arm)),
                Orientation = Orientation.Horizontal,
            })];
            plot.Add.Bars(bars);
            plot.Axes.Left.SetTicks([.. arms.Index().Select(arm => -(double)arm.Index)], [.. arms.Select(arm => arm.Arm)]);
            plot.Axes.Margins(left: 0);
            plot.Title(group.Key, 13);
        }

        page.SavePng(path, Width * groups.Length, Height + (Row * Math.Max(3, groups.Max(group => group.Count()))));
    }
}

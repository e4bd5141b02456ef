using System.Text.Json;
using ScottPlot;

namespace Millrace.Training;

/// <summary>Draws the loss of a training log, and what was measured beside it.</summary>
internal static class LossPlot
{
    private const double Least = 1e-12;

    public static void Draw(string logPath, string imagePath)
    {
        if (!File.Exists(logPath))
        {
            return; // nothing is logged yet
        }

        TrainingProgress[] log = [.. File.ReadLines(logPath).Select(line => JsonSerializer.Deserialize<TrainingProgress>(line)!)];
        var plot = new Plot();
        Add("loss", log.Select(entry => (entry.Step, entry.Loss)));
        string[] metrics = [.. log.SelectMany(entry => entry.Metrics.Keys).Distinct()];
        foreach (string metric in metrics)
        {
            Add(metric, log.Where(entry => entry.Metrics.ContainsKey(metric)).Select(entry => (entry.Step, entry.Metrics[metric])));
        }

        plot.XLabel("step");
        plot.YLabel("log10");
        plot.ShowLegend();
        plot.SavePng(imagePath, 800, 400);

        void Add(string name, IEnumerable<(long Step, double Value)> points)
        {
            double[] steps = [.. points.Select(point => (double)point.Step)], values = [.. points.Select(point => Math.Log10(Math.Max(point.Value, Least)))];
            plot.Add.ScatterLine(steps, values).LegendText = name;
        }
    }
}

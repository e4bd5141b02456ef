using System.Text.Json;
using ScottPlot;

namespace Millrace.Training;

/// <summary>Draws the loss of a training log.</summary>
internal static class LossPlot
{
    public static void Draw(string logPath, string imagePath)
    {
        if (!File.Exists(logPath))
        {
            return; // nothing is logged yet
        }

        TrainingProgress[] log = [.. File.ReadLines(logPath).Select(line => JsonSerializer.Deserialize<TrainingProgress>(line)!)];
        var plot = new Plot();
        plot.Add.ScatterLine(log.Select(entry => (double)entry.Step).ToArray(), log.Select(entry => Math.Log10(Math.Max(entry.Loss, 1e-12))).ToArray());
        plot.XLabel("step");
        plot.YLabel("log10 of the loss");
        plot.SavePng(imagePath, 800, 400);
    }
}

using System.Globalization;
using Millrace.Training;
using Millrace.Training.Pictures;

namespace Millrace.Cli;

/// <summary>A line an entry of a training log, with the time that is left.</summary>
internal sealed class TrainingNotes(Terminal terminal, TimeProvider time) : IProgress<PictureTrainingProgress>, IProgress<TrainingProgress>
{
    private string? _stage;
    private long _start, _first;

    public void Report(PictureTrainingProgress value) => Report(value.Stage, value.Entry);

    public void Report(TrainingProgress value) => Report("judge", value);

    private void Report(string stage, TrainingProgress entry)
    {
        string left = "";
        if (_stage != stage)
        {
            (_stage, _start, _first) = (stage, time.GetTimestamp(), entry.Step);
        }
        else if (entry.Step > _first)
        {
            double seconds = time.GetElapsedTime(_start).TotalSeconds / (entry.Step - _first);
            left = string.Create(CultureInfo.InvariantCulture, $", {seconds:0.00} s a step, {Duration(seconds * (entry.Steps - entry.Step))} left");
        }

        string metrics = string.Concat(entry.Metrics.Select(metric => string.Create(CultureInfo.InvariantCulture, $", {metric.Key} {metric.Value:0.0000}")));
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{stage} {entry.Step}/{entry.Steps}: loss {entry.Loss:0.0000}{metrics}{left}"));
    }

    private static string Duration(double seconds) => seconds switch
    {
        < 90 => $"{seconds:0} s",
        < 5400 => $"{seconds / 60:0} min",
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.0} h"),
    };
}

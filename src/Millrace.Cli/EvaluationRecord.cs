using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Millrace.Evaluation;
using Millrace.Training.Data;

namespace Millrace.Cli;

/// <summary>What an evaluation found, and how it was made.</summary>
internal sealed record EvaluationRecord(
    string Samples, int SampleCount, string Reference, int ReferenceCount, int Size, IReadOnlyList<string> Judges, DrawingSettings? Drawing,
    IReadOnlyList<SkippedSample> Skipped, IReadOnlyList<ComparisonScore> Scores)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>The figures as a table.</summary>
    public IEnumerable<string> Lines()
    {
        int space = Scores.Max(score => score.Space.Length), metric = Scores.Max(score => score.Metric.Length);
        return
        [
            $"{SampleCount} pictures of {Samples} against {ReferenceCount} of {Reference}, at {Size} x {Size}",
            .. Drawing is null ? Array.Empty<string>() : [$"{Drawing.Evaluations} evaluations of the network a picture, seed {Drawing.Seed}"],
            $"{new string(' ', space)}  {new string(' ', metric)}  {"value",9}  {"95 % interval",-22}  ideal",
            .. Scores.Select(score => $"{score.Space.PadRight(space)}  {score.Metric.PadRight(metric)}  {Number(score.Value.Mean),9}  "
                + $"{$"{Number(score.Value.Low)} to {Number(score.Value.High)}",-22}  {Number(score.Ideal)}"),
        ];
    }

    /// <summary>Writes the record.</summary>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Json) + "\n");

    private static string Number(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}

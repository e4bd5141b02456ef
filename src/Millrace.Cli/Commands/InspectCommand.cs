using System.CommandLine;
using System.Globalization;
using Millrace.Checkpoints;

namespace Millrace.Cli.Commands;

/// <summary>millrace inspect: what a file or a folder holds.</summary>
internal static class InspectCommand
{
    private const string Summary = "Say what a file or a folder of weights holds.";

    private const string Details = """
        Examples:
          millrace inspect ./sd15
          millrace inspect v1-5-pruned-emaonly.ckpt
          millrace inspect lora.safetensors --json

        Names and shapes of the tensors tell: no weight is read, and nothing of a pickle is run. The memory is that of the
        weights; drawing takes more, which "millrace generate" forecasts for the size that is asked for.
        """;

    private static readonly Argument<string> Input = new("path") { Description = "A file of weights (.safetensors, .ckpt, .pth, .pt, .bin) or a folder.", HelpName = "PATH" };

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("inspect", Summary, Details) { Input, CommonOptions.Json };
        command.SetAction(parsed =>
        {
            var report = CheckpointReport.Of(parsed.GetValue(Input)!);
            if (parsed.GetValue(CommonOptions.Json))
            {
                terminal.WriteJson(report);
                return;
            }

            Lines(report).ToList().ForEach(terminal.WriteLine);
        });
        return command;
    }

    private static IEnumerable<string> Lines(CheckpointReport report)
    {
        yield return Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(report.Path)));
        yield return $"  family      {report.Family}";
        yield return $"  form        {report.Form}";
        yield return $"  parameters  {Millions(report.Parameters)}";
        yield return $"  files       {Megabytes(report.Bytes)}";
        yield return $"  memory      {Megabytes(report.Memory(4))} in fp32, {Megabytes(report.Memory(2))} in bf16";
        yield return "";
        int width = Math.Max(report.Parts.Max(part => part.Name.Length), "part".Length);
        yield return $"  {"part".PadRight(width)}  {"parameters",16}  {"files",12}  precision";
        foreach (CheckpointPart part in report.Parts)
        {
            yield return $"  {part.Name.PadRight(width)}  {Millions(part.Parameters),16}  {Megabytes(part.Bytes),12}  {string.Join(", ", part.Precisions)}";
        }
    }

    private static string Millions(long count) => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:0.0} million");

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB");
}

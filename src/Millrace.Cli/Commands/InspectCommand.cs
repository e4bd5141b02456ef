using System.CommandLine;
using System.Globalization;
using Millrace.Checkpoints;
using Millrace.Server.Provenance;

namespace Millrace.Cli.Commands;

/// <summary>millrace inspect: what a file or a folder holds.</summary>
internal static class InspectCommand
{
    private const string Summary = "Say what a file or a folder of weights holds, or what a picture tells of its making.";

    private const string Details = """
        Examples:
          millrace inspect ./sd15
          millrace inspect v1-5-pruned-emaonly.ckpt
          millrace inspect lora.safetensors --json
          millrace inspect picture.webp                      whether a model made it, how, and whether it is marked

        Names and shapes of the tensors tell: no weight is read, and nothing of a pickle is run. The memory is that of the
        weights; drawing takes more, which "millrace generate" forecasts for the size that is asked for.
        """;

    private static readonly Argument<string> Input = new("path") { Description = "A file of weights (.safetensors, .ckpt, .pth, .pt, .bin), a folder, or a picture (PNG, JPEG, WebP).", HelpName = "PATH" };

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("inspect", Summary, Details) { Input, CommonOptions.Json };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(Input)!;
            if (IsPicture(path))
            {
                Tell(terminal, parsed, PictureOrigin.Read(File.ReadAllBytes(path), path), origin => Lines(path, origin));
            }
            else
            {
                Tell(terminal, parsed, CheckpointReport.Of(path), Lines);
            }
        });
        return command;
    }

    private static void Tell<T>(Terminal terminal, ParseResult parsed, T report, Func<T, IEnumerable<string>> lines)
        where T : notnull
    {
        if (parsed.GetValue(CommonOptions.Json))
        {
            terminal.WriteJson(report);
            return;
        }

        lines(report).ToList().ForEach(terminal.WriteLine);
    }

    private static bool IsPicture(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        Span<byte> start = stackalloc byte[12];
        using FileStream file = File.OpenRead(path);
        return PictureOrigin.IsPicture(start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
    }

    private static IEnumerable<string> Lines(string path, PictureOrigin origin)
    {
        yield return Path.GetFileName(path);
        yield return $"  metadata  {(origin.SaysGenerated ? "a trained model made it" : "none that say how it was made")}";
        if (origin.Settings is { } settings)
        {
            yield return $"  settings  {settings}";
        }

        yield return string.Create(CultureInfo.InvariantCulture, $"  mark      {(origin.Marked ? "found" : "not found")}; it stands out by {origin.MarkCertainty:0.0} standard deviations");
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

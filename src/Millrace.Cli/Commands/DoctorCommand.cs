using System.CommandLine;
using Millrace.Runtime;

namespace Millrace.Cli.Commands;

/// <summary>millrace doctor: what this machine offers, what is wrong, and what cures it.</summary>
internal static class DoctorCommand
{
    private const string Summary = "Say what this machine offers and lacks: devices, libraries, memory, instruction sets, ffmpeg.";

    private const string Details = """
        Each problem comes with its cure.
        Exit code 0 when all that is needed works, 4 when not.
        The environment variable LIBTORCH names a libtorch folder to use instead of the one that comes with the application.
        """;

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("doctor", Summary, Details) { CommonOptions.Json };
        command.SetAction(parsed =>
        {
            SystemReport report = SystemReport.Collect();
            if (parsed.GetValue(CommonOptions.Json))
            {
                terminal.WriteJson(report);
            }
            else
            {
                Print(report, terminal);
            }

            return report.Works ? ExitCode.Success : ExitCode.Environment;
        });
        return command;
    }

    private static void Print(SystemReport report, Terminal terminal)
    {
        terminal.WriteLine($"System        {report.OperatingSystem}, {report.Platform}, {report.DotNet}");
        terminal.WriteLine($"Processor     {report.Processor}, {report.Cores} cores, {OrNone(report.InstructionSets)}");
        terminal.WriteLine($"Memory        {Gibibytes(report.MemoryTotal)}, {Gibibytes(report.MemoryAvailable)} available");
        terminal.WriteLine($"TorchSharp    {report.TorchSharp}");
        terminal.WriteLine($"libtorch      {report.LibTorch ?? "-"} {(report.LibTorchFolder is null ? "" : $"from {report.LibTorchFolder}")}".TrimEnd());
        terminal.WriteLine($"Devices       {OrNone(report.Devices)}{(report.Threads > 0 ? $", {report.Threads} threads" : "")}");
        terminal.WriteLine($"C++ runtime   {report.CxxRuntime ?? "-"}");
        terminal.WriteLine($"ffmpeg        {(report.Ffmpeg is null ? "-" : $"{report.FfmpegVersion} at {report.Ffmpeg}")}");
        terminal.WriteLine();
        foreach (SystemFinding finding in report.Findings)
        {
            terminal.WriteLine($"{(finding.Needed ? "Problem:" : "Note:   ")} {finding.Problem}");
            terminal.WriteLine($"         {finding.Cure}");
        }

        terminal.WriteLine(report.Works ? "All that is needed works." : "Millrace cannot run here yet.");
    }

    private static string Gibibytes(long bytes) => $"{bytes / (double)(1L << 30):0.0} GiB";

    private static string OrNone(IReadOnlyList<string> items) => items.Count == 0 ? "none" : string.Join(' ', items);
}

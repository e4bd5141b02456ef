using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Millrace.Imaging;
using Millrace.Runtime;
using Millrace.Training;

namespace Millrace.Cli;

/// <summary>What an exception means to the user of a command line: an exit code and one sentence.</summary>
internal static partial class Failure
{
    public static (int ExitCode, string Sentence) Explain(Exception error) => error switch
    {
        AggregateException { InnerException: { } inner } => Explain(inner),
        OperationCanceledException => (ExitCode.Cancelled, "Cancelled."),
        LibTorchLoadException => (ExitCode.Environment, error.Message),
        InsufficientMemoryException or FFmpegMissingException => (ExitCode.Environment, error.Message),
        DivergedException => (ExitCode.FailedCheck, error.Message),
        OutOfMemoryException => (ExitCode.Environment, OutOfMemory),
        ExternalException when MemoryRefused().IsMatch(error.Message) => (ExitCode.Environment, OutOfMemory),
        IOException io when IsDiskFull(io) => (ExitCode.Environment, $"The disk is full: {error.Message}"),
        InvalidDataException or FileNotFoundException or DirectoryNotFoundException or EndOfStreamException or UnauthorizedAccessException => (ExitCode.BadInput, error.Message),
        ArgumentException argument => (ExitCode.BadArguments, WithoutParameter(argument)),
        IOException => (ExitCode.Environment, error.Message),
        _ => (ExitCode.FailedCheck, $"Unexpected error: {FirstLine(error.Message)} Run again with --verbose for the details."),
    };

    private const string OutOfMemory = "Out of memory: use a smaller --size, fewer --steps or a smaller --frame-buffer.";

    private static bool IsDiskFull(IOException error)
    {
        const int NoSpaceOnUnix = 28, DiskFullOnWindows = unchecked((int)0x80070070), HandleDiskFullOnWindows = unchecked((int)0x80070027);
        return error.HResult is NoSpaceOnUnix or DiskFullOnWindows or HandleDiskFullOnWindows;
    }

    private static string WithoutParameter(ArgumentException error) =>
        error.ParamName is null ? error.Message : FirstLine(error.Message).Replace($" (Parameter '{error.ParamName}')", "", StringComparison.Ordinal);

    private static string FirstLine(string message) => message.Split('\n', 2)[0].TrimEnd();

    [GeneratedRegex("not enough memory|can't allocate memory|out of memory", RegexOptions.IgnoreCase)]
    private static partial Regex MemoryRefused();
}

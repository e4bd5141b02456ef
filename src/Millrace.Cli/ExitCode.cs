namespace Millrace.Cli;

/// <summary>What the process returns to its caller; documented in the help of the root command.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int FailedCheck = 1;
    public const int BadArguments = 2;
    public const int BadInput = 3;
    public const int Environment = 4;
    public const int Cancelled = 130;
}

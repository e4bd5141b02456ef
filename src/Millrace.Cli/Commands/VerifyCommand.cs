using System.CommandLine;
using Millrace.Evaluation.Verification;

namespace Millrace.Cli.Commands;

/// <summary>millrace verify: whether networks, solvers and the stream compute what the reference implementations recorded.</summary>
internal static class VerifyCommand
{
    private const string Summary = "Check networks, solvers and the stream against recorded answers.";

    private const string Details = """
        DIR holds fixtures, or is one: a folder with the config.json and the weights of a network and an io.safetensors
        (inputs by argument name, and what the reference computed from them); or one with an index.json that lists cases
        of solvers (schedulers/) or of the streaming engine (stream/).
        For each case: the largest relative error over all its tensors (largest difference over largest value).

        Examples:
          millrace verify golden
          millrace verify golden/unet-sd15 --tolerance 1e-5 --json

        Exit code 0 when all supported cases pass, 1 when one fails, 3 when a fixture is broken.
        """;

    private static readonly Argument<string> Folder = new("DIR") { Description = "Folder of fixtures, or one fixture." };

    private static readonly Option<double> Tolerance = new Option<double>("--tolerance")
    {
        Description = "Largest relative error that passes.",
        DefaultValueFactory = _ => FixtureVerification.DefaultTolerance,
        HelpName = "E",
    }.Number();

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("verify", Summary, Details) { Folder, Tolerance, CommonOptions.Json };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, terminal, cancellationToken)));
        return command;
    }

    private static int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        bool json = parsed.GetValue(CommonOptions.Json);
        double tolerance = parsed.GetValue(Tolerance);
        var results = new List<VerificationResult>();
        foreach (VerificationResult result in FixtureVerification.Run(parsed.GetRequiredValue(Folder), tolerance, cancellationToken))
        {
            results.Add(result);
            if (!json)
            {
                terminal.WriteLine(Line(result));
            }
        }

        var report = new VerificationReport(tolerance, results);
        if (json)
        {
            terminal.WriteJson(report);
        }
        else
        {
            terminal.WriteLine($"{report.Passed} passed, {report.Failed} failed, {report.Broken} broken, {report.Unsupported} unsupported (tolerance {tolerance:0.###e-0}).");
        }

        return report.Failed > 0 ? ExitCode.FailedCheck : report.Broken > 0 ? ExitCode.BadInput : ExitCode.Success;
    }

    private static string Line(VerificationResult result) => result.Status switch
    {
        VerificationStatus.Passed => $"pass         {result.RelativeError:0.0e-00}  {result.Case}",
        VerificationStatus.Failed => $"FAIL         {result.RelativeError:0.0e-00}  {result.Case}: {result.WorstTensor}",
        VerificationStatus.Unsupported => $"unsupported           {result.Case}: {result.Reason}",
        _ => $"BROKEN                {result.Case}: {result.Reason}",
    };

    private sealed record VerificationReport(double Tolerance, IReadOnlyList<VerificationResult> Cases)
    {
        public int Passed => Count(VerificationStatus.Passed);

        public int Failed => Count(VerificationStatus.Failed);

        public int Broken => Count(VerificationStatus.Broken);

        public int Unsupported => Count(VerificationStatus.Unsupported);

        private int Count(VerificationStatus status) => Cases.Count(result => result.Status == status);
    }
}

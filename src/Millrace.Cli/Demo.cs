using Millrace.Cli.Commands;
using Millrace.Guidance;

namespace Millrace.Cli;

/// <summary>What <c>millrace stream</c> draws for one who has not said what: prompts and steps at which the shipped model is at its best.</summary>
internal static class Demo
{
    public const string Prompt = "red apple";

    public const GuidanceType Guidance = GuidanceType.Full;

    public const double GuidanceScale = 2;

    public static IReadOnlyList<PromptChange> Changes { get; } = [new(40, "cat face"), new(80, "sunflower")];

    public static IReadOnlyList<int> Steps { get; } = [4, 16, 28, 40];
}

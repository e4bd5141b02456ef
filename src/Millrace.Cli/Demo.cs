using Millrace.Cli.Commands;

namespace Millrace.Cli;

/// <summary>What <c>millrace stream</c> draws for one who has not said what: prompts that the shipped model knows well.</summary>
internal static class Demo
{
    public const string Prompt = "red apple";

    public static IReadOnlyList<PromptChange> Changes { get; } = [new(40, "cat face"), new(80, "sunflower")];
}

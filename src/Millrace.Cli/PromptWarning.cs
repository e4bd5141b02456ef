namespace Millrace.Cli;

/// <summary>Says of which prompts the model reads a part only.</summary>
internal static class PromptWarning
{
    public static void Write(Terminal terminal, ITextEncoder textEncoder, IEnumerable<string?> prompts)
    {
        foreach (string prompt in prompts.OfType<string>().Distinct())
        {
            if (textEncoder.Truncates(prompt, out int leftOut))
            {
                terminal.Note($"Warning: the prompt \"{Shorten(prompt)}\" is longer than the model reads; its last {leftOut} tokens are left out.");
            }
        }
    }

    private static string Shorten(string prompt) => prompt.Length <= 40 ? prompt : prompt[..37] + "...";
}

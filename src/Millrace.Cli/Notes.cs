namespace Millrace.Cli;

/// <summary>What a long command tells as it goes on, a line each.</summary>
internal sealed class Notes(Terminal terminal) : IProgress<string>
{
    public void Report(string value) => terminal.Note(value);
}

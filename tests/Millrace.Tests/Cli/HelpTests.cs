namespace Millrace.Tests.Cli;

/// <summary>What the help says, as text files: a change of the command line is a change to read there.</summary>
public sealed class HelpTests
{
    [Theory]
    [InlineData("millrace")]
    [InlineData("stream")]
    [InlineData("generate")]
    [InlineData("train")]
    [InlineData("evaluate")]
    [InlineData("judge")]
    [InlineData("serve")]
    [InlineData("models")]
    [InlineData("inspect")]
    [InlineData("convert")]
    [InlineData("quantize")]
    [InlineData("verify")]
    [InlineData("bench")]
    [InlineData("bench stream")]
    [InlineData("bench hub")]
    [InlineData("bench serve")]
    [InlineData("bench train")]
    [InlineData("bench int8")]
    [InlineData("recipe")]
    [InlineData("recipe run")]
    [InlineData("doctor")]
    public async Task Says_what_is_written_down(string command)
    {
        string[] arguments = command == "millrace" ? ["--help"] : [.. command.Split(' '), "--help"];
        CommandLineResult result = await CommandLine.RunAsync(arguments);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        string expected = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Fixtures", "help", $"{command.Replace(' ', '-')}.txt"), TestContext.Current.CancellationToken);
        Assert.Equal(Trimmed(expected), Trimmed(result.Output));
    }

    [Fact]
    public async Task Nothing_asked_is_help_asked() =>
        Assert.Equal(await CommandLine.RunAsync("--help"), await CommandLine.RunAsync());

    [Fact]
    public async Task An_unknown_command_is_named()
    {
        CommandLineResult result = await CommandLine.RunAsync("strem");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("strem", result.Error);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    private static string Trimmed(string text) => string.Join('\n', text.Split('\n').Select(line => line.TrimEnd())).Trim();
}

using System.Text.Json;

namespace Millrace.Tests.Cli;

public sealed class VerifyTests
{
    [Fact]
    public async Task Names_a_kind_that_nothing_here_computes()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", """{"_class_name": "FluxTransformer9DModel", "lowest": -Infinity, "list": [NaN, 1]}""");
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path, "--json");

        Assert.Equal(0, result.ExitCode);
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal(1, report.GetProperty("unsupported").GetInt32());
        JsonElement only = Assert.Single(report.GetProperty("cases").EnumerateArray());
        Assert.Equal("unsupported", only.GetProperty("status").GetString());
        Assert.Equal("FluxTransformer9DModel", only.GetProperty("kind").GetString());
        Assert.Contains("FluxTransformer9DModel", only.GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1, 2]")]
    public async Task Names_a_broken_description(string text)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", text);
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.Contains($"BROKEN                {Path.GetFileName(folder.Path)}: {folder.File("config.json")}: ", result.Output);
    }

    [Fact]
    public async Task Refuses_a_folder_without_fixtures()
    {
        using var folder = new TemporaryFolder();
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.StartsWith($"{folder.Path}: no fixture here", result.Error);
    }

    [Fact]
    public async Task Refuses_a_folder_that_is_not_there()
    {
        CommandLineResult result = await CommandLine.RunAsync("verify", "/no/such/folder");

        Assert.Equal(3, result.ExitCode);
        Assert.Equal("There is no folder /no/such/folder.\n", result.Error);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("NaN")]
    public async Task Refuses_a_tolerance_of_nothing(string tolerance)
    {
        CommandLineResult result = await CommandLine.RunAsync("verify", "/", "--tolerance", tolerance);

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith("The tolerance must be above 0", result.Error);
    }
}

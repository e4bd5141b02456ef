using System.Text.Json;

namespace Millrace.Tests.Cli;

public sealed class ModelsTests(TinyModelFolder model) : IClassFixture<TinyModelFolder>
{
    [Fact]
    public async Task Lists_what_can_be_named()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateSymbolicLink(folder.File("tiny"), model.Path);
        File.WriteAllText(Path.Combine(model.Path, "README.md"), "---\nlicense: mit\n---\n# Tiny\n");
        CommandLineResult result = await CommandLine.RunProcessAsync(new Dictionary<string, string> { ["MILLRACE_MODELS"] = folder.Path }, "models", "--json");

        JsonElement tiny = JsonDocument.Parse(result.Output).RootElement.GetProperty("models").EnumerateArray().Single(one => one.GetProperty("name").GetString() == "tiny");
        Assert.Equal("StableDiffusionPipeline, AutoencoderTiny", tiny.GetProperty("family").GetString());
        Assert.Equal(8, tiny.GetProperty("defaultSize").GetInt32());
        Assert.Equal("mit", tiny.GetProperty("license").GetString());
        Assert.InRange(tiny.GetProperty("parameters").GetInt64(), 10_000, 1_000_000);
        Assert.True(tiny.GetProperty("bytes").GetInt64() > 4 * tiny.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public async Task A_listed_model_is_found_by_its_name()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateSymbolicLink(folder.File("tiny"), model.Path);
        CommandLineResult result = await CommandLine.RunProcessAsync(
            new Dictionary<string, string> { ["MILLRACE_MODELS"] = folder.Path }, "stream", "--model", "tiny", "--input", "synthetic", "--frames", "2", "--prompt", "a", "--output", folder.File("out.webp"));

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }
}

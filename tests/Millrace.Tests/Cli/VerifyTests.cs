using System.Text.Json;
using Millrace.Checkpoints;
using Millrace.Tests.Support;
using static TorchSharp.torch;

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

    [Fact]
    public async Task Passes_every_fixture_and_leaves_none_out()
    {
        CommandLineResult result = await CommandLine.RunAsync("verify", SharedData.Require("golden"), "--json");

        Assert.Equal(0, result.ExitCode);
        Dictionary<string, JsonElement> cases = JsonDocument.Parse(result.Output).RootElement.GetProperty("cases").EnumerateArray()
            .ToDictionary(one => one.GetProperty("case").GetString()!);
        Assert.True(cases.Count > 50);
        Assert.All(cases, one =>
        {
            Assert.Equal((one.Key, "passed"), (one.Key, one.Value.GetProperty("status").GetString()));
            Assert.InRange(one.Value.GetProperty("relativeError").GetDouble(), 0, 1e-4);
        });
    }

    [Fact]
    public async Task Fails_a_network_whose_weights_have_changed()
    {
        using TemporaryFolder folder = CopyOfTinyAutoencoder();
        Rewrite(folder, "diffusion_pytorch_model.safetensors", tensors => tensors["decoder.layers.0.bias"].Shift(0.01));
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith("FAIL", result.Output);
        Assert.Contains($"{Path.GetFileName(folder.Path)}: decoded", result.Output);
    }

    [Fact]
    public async Task Names_a_missing_weight()
    {
        using TemporaryFolder folder = CopyOfTinyAutoencoder();
        Rewrite(folder, "diffusion_pytorch_model.safetensors", tensors => tensors.Remove("decoder.layers.0.bias"));
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("decoder.layers.0.bias", result.Output);
    }

    [Fact]
    public async Task Names_an_answer_of_another_shape()
    {
        using TemporaryFolder folder = CopyOfTinyAutoencoder();
        Rewrite(folder, "io.safetensors", tensors => tensors["decoded"] = zeros(1, 3, 8, 8));
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("Tensor \"decoded\" has the shape [1, 3, 8, 8], and what we compute has [", result.Output);
    }

    [Fact]
    public async Task Names_a_fixture_without_answers()
    {
        using TemporaryFolder folder = CopyOfTinyAutoencoder();
        File.Delete(folder.File("io.safetensors"));
        CommandLineResult result = await CommandLine.RunAsync("verify", folder.Path);

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("io.safetensors", result.Output);
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

    private static TemporaryFolder CopyOfTinyAutoencoder()
    {
        var folder = new TemporaryFolder();
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", "autoencoder-tiny")))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }

        return folder;
    }

    private static void Rewrite(TemporaryFolder folder, string file, Action<Dictionary<string, Tensor>> change)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = Golden.Read(folder.File(file));
        change(tensors);
        SafetensorsWriter.Write(folder.File(file), tensors);
    }
}

using System.Text.Json;
using Millrace.Runtime;
using TorchSharp;

namespace Millrace.Tests.Cli;

public sealed class DoctorTests
{
    [Fact]
    public async Task Reports_the_machine_for_machines()
    {
        CommandLineResult result = await CommandLine.RunAsync("doctor", "--json");

        Assert.Equal(0, result.ExitCode);
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal("2.10.0", report.GetProperty("libTorch").GetString());
        Assert.Equal("cpu", report.GetProperty("devices")[0].GetString());
        Assert.True(report.GetProperty("works").GetBoolean());
        Assert.InRange(report.GetProperty("memoryAvailable").GetInt64(), 1, report.GetProperty("memoryTotal").GetInt64());
        Assert.All(report.GetProperty("findings").EnumerateArray(), finding => Assert.NotEmpty(finding.GetProperty("cure").GetString()!));
    }

    [Fact]
    public async Task Reports_the_machine_for_people()
    {
        CommandLineResult result = await CommandLine.RunAsync("doctor");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"{Environment.ProcessorCount} cores", result.Output);
        Assert.EndsWith("All that is needed works.\n", result.Output);
    }

    [Fact]
    public void The_required_libtorch_is_the_one_TorchSharp_was_compiled_against() =>
        Assert.StartsWith(LibTorch.RequiredVersion.ToString(2), torch.__version__);

    [Fact]
    public async Task Names_a_LIBTORCH_folder_without_libtorch_and_the_cure()
    {
        using var folder = new TemporaryFolder();
        CommandLineResult result = await DoctorWithLibTorchAsync(folder);

        Assert.Contains($"{folder.Path}: the environment variable LIBTORCH names this folder, and there is no libtorch_cpu", result.Output);
        Assert.Contains("unset the variable", result.Output);
    }

    [Fact]
    public async Task Names_a_damaged_library()
    {
        using var folder = new TemporaryFolder();
        folder.Write("libc10.so", "This is not a library, but it is long enough to be taken for one at the first look: an ELF header has 64 bytes.");
        folder.Write("libtorch_cpu.so", "");
        CommandLineResult result = await DoctorWithLibTorchAsync(folder);

        Assert.Contains("libc10.so: it is not a library of this system, or damaged.", result.Output);
    }

    [Fact]
    public async Task Names_a_library_of_another_processor()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux libraries.");
        using var folder = new TemporaryFolder();
        byte[] image = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "libc10.so"), TestContext.Current.CancellationToken);
        image[18] = image[18] == 0xb7 ? (byte)0x3e : (byte)0xb7;
        await File.WriteAllBytesAsync(Path.Combine(folder.Path, "libc10.so"), image, TestContext.Current.CancellationToken);
        folder.Write("libtorch_cpu.so", "");
        CommandLineResult result = await DoctorWithLibTorchAsync(folder);

        Assert.Contains("libc10.so: it is built for another processor or system", result.Output);
    }

    [Fact]
    public async Task Names_a_library_that_is_cut_short()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux libraries.");
        using var folder = new TemporaryFolder();
        byte[] image = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "libc10.so"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(folder.Path, "libc10.so"), image[..(image.Length / 2)], TestContext.Current.CancellationToken);
        folder.Write("libtorch_cpu.so", "");
        CommandLineResult result = await DoctorWithLibTorchAsync(folder);

        Assert.Contains("libc10.so: the file is cut short.", result.Output);
    }

    [Fact]
    public async Task Runs_over_a_LIBTORCH_folder()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux libraries.");
        using var folder = new TemporaryFolder();
        string libraries = Directory.CreateDirectory(Path.Combine(folder.Path, "lib")).FullName;
        foreach (string library in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so", "libgomp-98b21ff3.so.1" })
        {
            File.CreateSymbolicLink(Path.Combine(libraries, library), Path.Combine(AppContext.BaseDirectory, library));
        }

        CommandLineResult result = await CommandLine.RunProcessAsync(new Dictionary<string, string> { ["LIBTORCH"] = folder.Path }, "doctor");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"from {libraries}", result.Output);
    }

    [Theory]
    [InlineData("/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)", "libstdc++.so.6 is too old, it lacks GLIBCXX_3.4.32", "Debian 13")]
    [InlineData("/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found (required by /app/libtorch_cpu.so)", "libc.so.6 is too old", "glibc 2.28")]
    [InlineData("/app/libLibTorchSharp.so: undefined symbol: _ZN3c1010TensorImplE", "lacks the symbol _ZN3c1010TensorImplE", "libtorch 2.10")]
    [InlineData("libgomp.so.1: cannot open shared object file: No such file or directory", "the library libgomp.so.1, which it needs, is not on this machine", "Install the package")]
    [InlineData("libLibTorchSharp.so: cannot open shared object file: No such file or directory", "it was not found", "TorchSharp-cpu")]
    public void Explains_what_the_loader_says(string said, string reason, string cure)
    {
        LibTorchLoadException error = NativeLibraryDiagnosis.Explain("libLibTorchSharp.so", new DllNotFoundException(said));

        Assert.Contains(reason, error.Message);
        Assert.Contains(cure, error.Cure);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static async Task<CommandLineResult> DoctorWithLibTorchAsync(TemporaryFolder folder)
    {
        CommandLineResult result = await CommandLine.RunProcessAsync(new Dictionary<string, string> { ["LIBTORCH"] = folder.Path }, "doctor");
        Assert.Equal(4, result.ExitCode);
        Assert.Contains("Problem: libtorch cannot be loaded", result.Output);
        Assert.DoesNotContain("   at ", result.Output + result.Error);
        return result;
    }
}

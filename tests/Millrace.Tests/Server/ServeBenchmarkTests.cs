using System.Diagnostics;
using Millrace.Benchmarks;
using Millrace.Tests.Cli;

namespace Millrace.Tests.Server;

/// <summary>The measurement of the server runs, and its figures fit together.</summary>
public sealed class ServeBenchmarkTests(TinyModelFolder model) : IClassFixture<TinyModelFolder>
{
    [Fact]
    public async Task A_started_server_is_measured_with_one_two_and_four_clients()
    {
        using var data = new TemporaryFolder();
        ServeBenchmarkReport report = await ServeBenchmark.RunAsync(
            Server("serve", model.Path, "--port", "0", "--data", data.Path), "tiny", TimeSpan.FromSeconds(0.6), new Progress<string>(), TestContext.Current.CancellationToken);

        Assert.InRange(report.AddressSeconds, 0.01, report.FirstPictureSeconds);
        Assert.Equal([(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4)], report.Loads.Select(load => (load.Steps, load.Clients)));
        Assert.All(report.Loads, load =>
        {
            Assert.True(load.FramesPerSecond > 0 && load.Denoise > 0 && load.BeyondEngine > 0);
            Assert.True(load.Median <= load.Percentile95 && load.Percentile95 <= load.Percentile99 && load.EngineMedian < load.Percentile99);
        });
        Assert.Equal(2 + report.Loads.Count, report.Lines().Count());
    }

    [Fact]
    public async Task A_server_that_does_not_start_says_why()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => ServeBenchmark.RunAsync(
            Server("serve", "no-such-model"), "none", TimeSpan.FromSeconds(1), new Progress<string>(), TestContext.Current.CancellationToken));
        Assert.Contains("no-such-model", error.Message);
    }

    private static ProcessStartInfo Server(params string[] arguments) => new("dotnet", [typeof(Millrace.Cli.Terminal).Assembly.Location, .. arguments]);
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Millrace.Cli;
using Millrace.Server;

namespace Millrace.Tests.Cli;

/// <summary>millrace serve: what it refuses, and where its traces go.</summary>
public sealed class ServeTests(TinyModelFolder model) : IClassFixture<TinyModelFolder>
{
    [Fact]
    public async Task A_port_that_is_taken_is_one_sentence()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var data = new TemporaryFolder();
        string port = $"{((IPEndPoint)listener.LocalEndpoint).Port}";

        CommandLineResult result = await CommandLine.RunProcessAsync(new Dictionary<string, string>(), "serve", model.Path, "--port", port, "--data", data.Path, "--log", "json");
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Contains($":{port}: address already in use; --port chooses another.", result.Error.TrimEnd().Split('\n')[^1]);
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Fact]
    public async Task Traces_go_to_the_collector_that_the_environment_names()
    {
        var heard = new ConcurrentQueue<(string Path, string Body)>();
        WebApplicationBuilder collecting = WebApplication.CreateSlimBuilder();
        collecting.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using WebApplication collector = collecting.Build();
        collector.MapPost("/{**path}", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, request.HttpContext.RequestAborted);
            heard.Enqueue((request.Path, Encoding.Latin1.GetString(body.ToArray())));
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);

        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single();
        builder.Configuration["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        Telemetry.Add(builder);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using (WebApplication app = builder.Build())
        {
            await app.StartAsync(TestContext.Current.CancellationToken);
            using var source = new ActivitySource(MillraceServices.TelemetryName);
            source.StartActivity("millrace.told")!.Dispose();
            await app.StopAsync(TestContext.Current.CancellationToken);
        }

        Assert.Contains(heard, one => one.Path == "/v1/traces" && one.Body.Contains("millrace.told", StringComparison.Ordinal));
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Millrace.Tests.Cli;

namespace Millrace.Tests.Server;

/// <summary>What those who run a server see of it.</summary>
public sealed partial class OperationTests
{
    [Fact]
    public async Task It_lives_at_once_and_is_ready_with_its_model()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        Assert.Equal("alive", (await host.Http.GetFromJsonAsync<JsonElement>("/healthz", TestContext.Current.CancellationToken)).GetProperty("status").GetString());
        await host.ReadyAsync();
        Assert.Equal("tiny", (await host.Http.GetFromJsonAsync<JsonElement>("/readyz", TestContext.Current.CancellationToken)).GetProperty("model").GetString());
        JsonElement models = await host.Http.GetFromJsonAsync<JsonElement>("/v1/models", TestContext.Current.CancellationToken);
        Assert.Equal("tiny", models.GetProperty("data")[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_is_said_without_its_folder()
    {
        using var broken = new TemporaryFolder();
        broken.Write("model_index.json", "{");
        await using ServerHost host = await ServerHost.StartAsync(options => options with { Models = new Dictionary<string, string> { ["broken"] = broken.Path } });
        using HttpResponseMessage response = await host.Http.PostAsJsonAsync("/v1/images/generations", new { prompt = "a" }, TestContext.Current.CancellationToken);
        string said = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("'broken' could not be loaded", JsonDocument.Parse(said).RootElement.GetProperty("detail").GetString());
        Assert.DoesNotContain(broken.Path, said);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await host.Http.GetAsync("/readyz", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Contains(broken.Path, Assert.Single(host.Errors.Lines));
    }

    [Fact]
    public async Task Figures_are_text_that_Prometheus_reads()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        await LiveTests.PictureOf(host, 90, "a");
        await host.Http.PostAsJsonAsync("/v1/images/generations", new { prompt = "a", steps = 1 }, TestContext.Current.CancellationToken);
        using HttpResponseMessage response = await host.Http.GetAsync("/metrics", TestContext.Current.CancellationToken);
        string[] lines = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.All(lines, line => Assert.Matches(line.StartsWith('#') ? Comment() : Sample(), line));
        double ValueOf(string name) => double.Parse(lines.Single(line => line.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..], CultureInfo.InvariantCulture);
        Assert.Equal(1, ValueOf("millrace_ready"));
        Assert.Equal(1, ValueOf("millrace_jobs_total{state=\"Finished\"}"));
        Assert.Equal(1, ValueOf("millrace_connections_closed_total{code=\"1000\"}"));
        Assert.Equal(2, ValueOf("millrace_frames_total{model=\"tiny\"}")); // the first picture, of the server's own, is one
        Assert.True(ValueOf("millrace_resident_memory_bytes") > 1e6);

        double[] buckets = [.. lines.Where(line => line.StartsWith("millrace_stage_seconds_bucket{model=\"tiny\",stage=\"Total\"", StringComparison.Ordinal)).Select(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture))];
        Assert.Equal(buckets.Order(), buckets);
        Assert.Equal(ValueOf("millrace_stage_seconds_count{model=\"tiny\",stage=\"Total\"}"), buckets[^1]);
    }

    [Fact]
    public async Task The_interface_describes_itself()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        JsonElement document = await host.Http.GetFromJsonAsync<JsonElement>("/openapi/v1.json", TestContext.Current.CancellationToken);
        JsonElement paths = document.GetProperty("paths");
        Assert.Equal("Millrace", document.GetProperty("info").GetProperty("title").GetString());
        Assert.StartsWith("3.", document.GetProperty("openapi").GetString());
        foreach ((string path, string method, string operation) in new[]
        {
            ("/v1/images/generations", "post", "CreateImage"), ("/v1/images/edits", "post", "EditImage"), ("/v1/jobs/{id}", "delete", "CancelJob"),
            ("/v1/models", "get", "ListModels"), ("/metrics", "get", "GetMetrics"), ("/healthz", "get", "GetHealth"), ("/readyz", "get", "GetReadiness"),
        })
        {
            Assert.Equal(operation, paths.GetProperty(path).GetProperty(method).GetProperty("operationId").GetString());
        }

        JsonElement body = paths.GetProperty("/v1/images/generations").GetProperty("post").GetProperty("requestBody").GetProperty("content");
        Assert.Equal("application/json", Assert.Single(body.EnumerateObject()).Name);
        Assert.DoesNotContain(paths.EnumerateObject(), path => path.Name.Contains("rest", StringComparison.Ordinal));
        Assert.Equal("urn:millrace:stream:1", (await host.Http.GetFromJsonAsync<JsonElement>("/v1/stream/schema.json", TestContext.Current.CancellationToken)).GetProperty("$id").GetString());
    }

    [Theory]
    [InlineData("GET", "/v1/nothing", 404)]
    [InlineData("GET", "/v1/images/generations", 404)]
    [InlineData("GET", "/v1/stream", 426)]
    [InlineData("GET", "/v1/jobs/..%2f..%2fetc%2fpasswd", 404)]
    public async Task Every_refusal_is_a_problem_document_with_safe_headers(string method, string path, int status)
    {
        await using ServerHost host = await ServerHost.StartAsync();
        using HttpResponseMessage response = await host.Http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), TestContext.Current.CancellationToken);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("frame-ancestors 'none'", response.Headers.GetValues("Content-Security-Policy").Single());
    }

    [Fact]
    public async Task Requests_above_the_rate_are_refused_and_other_names_of_this_machine_too()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { RequestsPerMinute = 20 });
        using var misled = new HttpRequestMessage(HttpMethod.Get, "/healthz") { Headers = { Host = "rebound.example" } };
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await host.Http.SendAsync(misled, TestContext.Current.CancellationToken)).StatusCode);
        HttpStatusCode[] codes = await Task.WhenAll(Enumerable.Range(0, 12).Select(async _ => (await host.Http.GetAsync("/healthz", TestContext.Current.CancellationToken)).StatusCode));
        Assert.Contains(HttpStatusCode.TooManyRequests, codes);
        Assert.Contains(HttpStatusCode.OK, codes);
    }

    [Fact]
    public async Task Streams_frames_and_jobs_are_traced()
    {
        var seen = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Millrace.Server",
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = seen.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using (ServerHost host = await ServerHost.StartAsync())
        {
            await LiveTests.PictureOf(host, 90, "traced");
            using HttpResponseMessage response = await host.Http.PostAsJsonAsync("/v1/images/generations", new { prompt = "a", steps = 1 }, TestContext.Current.CancellationToken);
            string job = response.Headers.GetValues("X-Job-Id").Single();
            Assert.Contains(seen, one => one.OperationName == "millrace.images" && (string?)one.GetTagItem("millrace.job") == job);
        }

        Assert.Contains(seen, one => one.OperationName == "millrace.frame" && one.Parent?.OperationName == "millrace.stream" && one.Duration > TimeSpan.Zero);
        Assert.Contains(seen, one => one.OperationName == "millrace.stream" && (int?)one.GetTagItem("millrace.close_code") == 1000 && (string?)one.GetTagItem("millrace.model") == "tiny");
    }

    [GeneratedRegex("^# (HELP|TYPE) millrace_[a-z_]+ .+$")]
    private static partial Regex Comment();

    [GeneratedRegex("^millrace_[a-z_]+({([a-z]+=\"[^\"]*\",?)+})? [0-9.E+-]+$")]
    private static partial Regex Sample();
}

using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Millrace.Server;
using Millrace.Server.Images;
using Millrace.Tests.Cli;

namespace Millrace.Tests.Server;

/// <summary>Jobs behind the pictures: waited for later, cancelled, and never forgotten.</summary>
public sealed class JobTests
{
    private static readonly object Long = new { prompt = "a", n = 10, steps = 100 };

    [Fact]
    public async Task A_job_is_accepted_at_once_and_fetched_later()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (string id, JsonElement accepted) = await AcceptAsync(host, new { prompt = "a", steps = 2, seed = 11 });
        Assert.Equal("Accepted", accepted.GetProperty("state").GetString());

        JsonElement finished = await WaitAsync(host, id);
        Assert.Equal("Finished", finished.GetProperty("state").GetString());
        Assert.Equal(11, finished.GetProperty("result").GetProperty("seed").GetInt64());
        Assert.Single(finished.GetProperty("result").GetProperty("data").EnumerateArray());
        JsonElement list = await host.Http.GetFromJsonAsync<JsonElement>("/v1/jobs", TestContext.Current.CancellationToken);
        Assert.Equal(id, list[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_job_is_cancelled_while_it_runs_and_while_it_waits()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (string running, _) = await AcceptAsync(host, Long);
        (string waiting, _) = await AcceptAsync(host, Long);
        await WaitAsync(host, running, "Running");
        await host.Http.DeleteAsync($"/v1/jobs/{waiting}", TestContext.Current.CancellationToken);
        await host.Http.DeleteAsync($"/v1/jobs/{running}", TestContext.Current.CancellationToken);

        Assert.Equal("Cancelled", (await WaitAsync(host, running)).GetProperty("state").GetString());
        Assert.Equal("Cancelled", (await WaitAsync(host, waiting)).GetProperty("state").GetString());
        Assert.Equal(HttpStatusCode.NotFound, (await host.Http.DeleteAsync("/v1/jobs/none", TestContext.Current.CancellationToken)).StatusCode);
        (string next, _) = await AcceptAsync(host, new { prompt = "a", steps = 1 });
        Assert.Equal("Finished", (await WaitAsync(host, next)).GetProperty("state").GetString());
        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task A_client_that_goes_away_cancels_its_job()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        using var leaving = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/images/generations") { Content = JsonContent.Create(new { prompt = "a", n = 10, steps = 100, stream = true }) };
        using HttpResponseMessage response = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaving.Token);
        string id = response.Headers.GetValues("X-Job-Id").Single();
        response.Dispose();

        Assert.Equal("Cancelled", (await WaitAsync(host, id)).GetProperty("state").GetString());
        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task A_client_has_so_many_jobs_and_no_more()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { JobsPerClient = 1 });
        (string id, _) = await AcceptAsync(host, Long);
        using HttpResponseMessage refused = await host.Http.PostAsJsonAsync("/v1/images/generations", Long, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        await host.Http.DeleteAsync($"/v1/jobs/{id}", TestContext.Current.CancellationToken);
        await WaitAsync(host, id);
        (string next, _) = await AcceptAsync(host, new { prompt = "a", steps = 1 });
        await WaitAsync(host, next);
    }

    [Fact]
    public async Task A_server_that_stops_ends_its_jobs_and_the_next_one_says_so()
    {
        using var data = new TemporaryFolder();
        string running, waiting;
        await using (ServerHost host = await ServerHost.StartAsync(options => options with { DataFolder = data.Path }))
        {
            (running, _) = await AcceptAsync(host, Long);
            (waiting, _) = await AcceptAsync(host, Long);
            await WaitAsync(host, running, "Running");
        }

        await using ServerHost next = await ServerHost.StartAsync(options => options with { DataFolder = data.Path });
        foreach (string id in new[] { running, waiting })
        {
            JsonElement record = await WaitAsync(next, id);
            Assert.Equal(("Failed", "The server stopped before the job was finished."), (record.GetProperty("state").GetString(), record.GetProperty("error").GetString()));
        }
    }

    [Fact]
    public void A_killed_server_leaves_the_record_of_every_accepted_job()
    {
        using var data = new TemporaryFolder();
        var options = new MillraceServerOptions { DataFolder = data.Path };
        ImageJobJournal Open(MillraceServerOptions where) => new(where, TimeProvider.System, NullLogger<ImageJobJournal>.Instance);
        JobRecord Record(string id, JobState state) => new(id, "somebody", state, DateTimeOffset.UtcNow, 1);

        using var copied = new TemporaryFolder();
        using (ImageJobJournal journal = Open(options))
        {
            journal.Write(Record("waits", JobState.Accepted));
            journal.Write(Record("runs", JobState.Running));
            journal.Write(Record("done", JobState.Finished));
            File.Copy(journal.Path, copied.File("jobs.jsonl")); // as the disk is at the moment of death
        }

        File.AppendAllText(copied.File("jobs.jsonl"), "{\"id\":\"cut o");
        using ImageJobJournal next = Open(options with { DataFolder = copied.Path });
        Assert.Equal([JobState.Failed, JobState.Failed, JobState.Finished], new[] { "waits", "runs", "done" }.Select(id => next.Find(id)!.State));
        Assert.Null(next.Find("cut o"));
    }

    [Fact]
    public void Two_servers_do_not_share_their_records()
    {
        using var data = new TemporaryFolder();
        ImageJobJournal Open() => new(new MillraceServerOptions { DataFolder = data.Path }, TimeProvider.System, NullLogger<ImageJobJournal>.Instance);
        using (Open())
        {
            Assert.Equal($"The job records in {data.Path} are those of another server that is running; this one needs a folder of its own.", Assert.Throws<IOException>(Open).Message);
        }

        Open().Dispose();
    }

    [Fact]
    public void A_journal_keeps_its_size()
    {
        using var data = new TemporaryFolder();
        using var journal = new ImageJobJournal(new MillraceServerOptions { DataFolder = data.Path }, TimeProvider.System, NullLogger<ImageJobJournal>.Instance);
        for (int job = 0; job < 2_500; job++)
        {
            journal.Write(new JobRecord($"{job:d32}", "somebody", JobState.Finished, DateTimeOffset.UnixEpoch, 1));
        }

        Assert.InRange(File.ReadLines(journal.Path).Count(), 1000, 2000);
        Assert.Equal(JobState.Finished, journal.Find($"{2_499:d32}")!.State);
        Assert.Null(journal.Find($"{0:d32}"));
    }

    private static async Task<(string Id, JsonElement Job)> AcceptAsync(ServerHost host, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/images/generations") { Content = JsonContent.Create(body), Headers = { { "Prefer", "respond-async" } } };
        using HttpResponseMessage response = await host.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        JsonElement job = await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Equal($"/v1/jobs/{job.GetProperty("id").GetString()}", response.Headers.Location!.ToString());
        return (job.GetProperty("id").GetString()!, job);
    }

    private static async Task<JsonElement> WaitAsync(ServerHost host, string id, params string[] states)
    {
        string[] wanted = states.Length > 0 ? states : ["Finished", "Failed", "Cancelled"];
        while (true)
        {
            JsonElement job = await host.Http.GetFromJsonAsync<JsonElement>($"/v1/jobs/{id}", TestContext.Current.CancellationToken);
            if (wanted.Contains(job.GetProperty("state").GetString()) && (!wanted.Contains("Finished") || job.GetProperty("state").GetString() != "Finished" || job.TryGetProperty("result", out JsonElement result) && result.ValueKind == JsonValueKind.Object))
            {
                return job;
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}

using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Millrace.Tests.Server;

/// <summary>Many clients, good ones and bad ones, at once and one after another.</summary>
public sealed class CrowdTests
{
    private static readonly int[] OneStep = [25]; // a picture a frame, at once
    private static readonly string[] Words =
    [
        "{\"type\":\"hello\",\"version\":1,\"key\":\"k\",\"resume\":\"r\",\"model\":\"tiny\",\"settings\":{\"prompt\":\"red\",\"steps\":[16,32],\"codec\":\"webp\",\"blend\":0.5}}",
        "{\"type\":\"set\",\"settings\":{\"seed\":7,\"guidance\":\"full\",\"guidanceScale\":2,\"similarity\":0.5,\"mode\":\"textToImage\",\"quality\":80}}",
        "{\"type\":\"ping\",\"at\":12.5}",
    ];

    private const int InvalidText = 1007;
    private static readonly HashSet<int> Reasoned = [1000, 1001, 1009, 4000, 4001, 4002, 4003, 4004, 4009, 4011];

    [Fact]
    public async Task Five_hundred_connections_that_come_and_go_leave_nothing_behind()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { ConnectionsPerClient = 1000, StreamsPerClient = 8, ResumeWindow = TimeSpan.FromSeconds(1) });
        await host.ReadyAsync();
        var random = new Random(1);
        await ComeAndGoAsync(host, random, 100);
        await EmptyAsync(host);
        long before = MemoryAfterCollection();

        (StreamClient good, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, new { codec = "raw", steps = OneStep });
        using var over = new CancellationTokenSource();
        Task<int> served = ServeAsync(good, LiveTests.Side(welcome), over.Token);
        await ComeAndGoAsync(host, random, 500);
        await over.CancelAsync();
        Assert.InRange(await served, 3, int.MaxValue);
        await good.CloseAsync();
        await EmptyAsync(host);

        Assert.InRange(MemoryAfterCollection() - before, long.MinValue, 16 << 20);
        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task Two_thousand_mutilated_messages_each_get_a_reasoned_end_and_a_good_stream_goes_on()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { ConnectionsPerClient = 64, StreamsPerClient = 64, MessagesPerSecond = 100_000 });
        (StreamClient good, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, new { codec = "raw" });
        int side = LiveTests.Side(welcome);
        await good.ShowAsync(0, side, 40);
        byte[] first = (await good.SeeAsync()).Bytes;
        byte[][] seeds = await SeedsAsync(host);
        var random = new Random(2);
        int sent = 0;
        while (sent < 2000)
        {
            (StreamClient client, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
            using (client)
            {
                bool letters = true; // whether all text was UTF-8; where it is not, WebSocket itself breaks the connection
                for (int message = 0; message < 10; message++, sent++)
                {
                    bool binary = random.Next(2) == 0;
                    byte[] mutilated = binary ? Mutilate(seeds[random.Next(seeds.Length)], random) : Mutilate(StreamClient.Text(Words[random.Next(Words.Length)]), random);
                    letters &= binary || Utf8.IsValid(mutilated);
                    await client.TryToSendAsync(mutilated, binary ? WebSocketMessageType.Binary : WebSocketMessageType.Text);
                }

                await client.TryToSendAsync(StreamClient.Text("{}"), WebSocketMessageType.Text); // ends those that took all of it
                int? code = await client.EndAsync();
                Assert.True(letters ? Reasoned.Contains(code ?? 0) && client.CloseReason is { Length: > 0 } : code is null or InvalidText || Reasoned.Contains(code.Value), $"{code}: {client.CloseReason}");
            }
        }

        await good.ShowAsync(1, side, 40);
        Assert.Equal(first, (await good.SeeAsync()).Bytes);
        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task Requests_of_random_bytes_get_problem_documents()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        var random = new Random(3);
        byte[] body = StreamClient.Text("{\"prompt\":\"a\",\"n\":1,\"size\":\"32x32\",\"steps\":1,\"seed\":3,\"quality\":\"low\"}");
        for (int request = 0; request < 300; request++)
        {
            var content = new ByteArrayContent(Mutilate(body, random)) { Headers = { ContentType = new("application/json") } };
            using HttpResponseMessage response = await host.Http.PostAsync("/v1/images/generations", content, TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode || (int)response.StatusCode is >= 400 and < 500, $"{(int)response.StatusCode}");
            Assert.Equal(response.IsSuccessStatusCode ? "application/json" : "application/problem+json", response.Content.Headers.ContentType!.MediaType);
        }

        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task A_page_that_is_loaded_anew_again_and_again_always_finds_room()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { StreamsPerClient = 2 });
        (StreamClient steady, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
        for (int visit = 0; visit < 6; visit++)
        {
            (StreamClient page, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
            await page.CloseAsync(WebSocketCloseStatus.EndpointUnavailable);
        }

        await steady.SayAsync(new { type = "ping", at = 1 });
        await steady.HearAsync("pong");
    }

    private static async Task<int> ServeAsync(StreamClient client, int side, CancellationToken over)
    {
        int frame = 0;
        for (; !over.IsCancellationRequested; frame++)
        {
            await client.ShowAsync(frame, side, (byte)frame);
            Assert.Equal(frame, (await client.SeeAsync()).Id);
        }

        return frame;
    }

    /// <summary>Connections that end before their hello, after it, or with a frame under way, politely or not.</summary>
    private static async Task ComeAndGoAsync(ServerHost host, Random random, int connections)
    {
        (int Stage, int Wait, bool Polite)[] visits = [.. Enumerable.Range(0, connections).Select(_ => (random.Next(4), random.Next(20), random.Next(2) == 0))];
        await Parallel.ForEachAsync(visits, new ParallelOptions { MaxDegreeOfParallelism = 24, CancellationToken = TestContext.Current.CancellationToken }, async (visit, cancellationToken) =>
        {
            using StreamClient client = await StreamClient.ConnectAsync(host.StreamAddress);
            try
            {
                await (visit.Stage > 0 ? client.SayAsync(new { type = "hello", version = 1 }) : Task.CompletedTask);
                await (visit.Stage > 1 ? client.ShowAsync(0, 8, 50) : Task.CompletedTask);
                await Task.Delay(visit.Wait, cancellationToken);
                await (visit.Polite ? client.CloseAsync() : Task.CompletedTask);
            }
            catch (WebSocketException)
            {
                // One stream too many: refused, as it must be.
            }
        });
    }

    /// <summary>Waits until all connections and streams have ended.</summary>
    private static async Task EmptyAsync(ServerHost host)
    {
        while (true)
        {
            string[] figures = (await host.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).Split('\n');
            if (figures.Contains("millrace_connections 0") && figures.Contains("millrace_streams{model=\"tiny\"} 0"))
            {
                return;
            }

            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private static long MemoryAfterCollection()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>A good frame in every codec.</summary>
    private static async Task<byte[][]> SeedsAsync(ServerHost host)
    {
        List<byte[]> seeds = [StreamClient.RawFrame(1, 8, 90)];
        foreach ((string codec, byte number) in new[] { ("jpeg", (byte)1), ("webp", (byte)2), ("png", (byte)3) })
        {
            (StreamClient client, _) = await StreamClient.OpenAsync(host.StreamAddress, new { codec });
            await client.ShowAsync(0, 8, 90);
            byte[] header = StreamClient.RawFrame(1, 8, 0)[..32];
            header[1] = number;
            seeds.Add([.. header, .. (await client.SeeAsync()).Bytes]);
            await client.CloseAsync();
        }

        return [.. seeds];
    }

    private static byte[] Mutilate(byte[] good, Random random)
    {
        List<byte> message = [.. good];
        for (int change = random.Next(1, 6); change > 0 && message.Count > 0; change--)
        {
            int at = random.Next(2) == 0 ? random.Next(Math.Min(message.Count, 32)) : random.Next(message.Count);
            switch (random.Next(5))
            {
                case 0:
                    message[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    message[at] = (byte)random.Next(256);
                    break;
                case 2:
                    message.RemoveRange(at, random.Next(message.Count - at));
                    break;
                case 3:
                    message.InsertRange(at, Encoding.UTF8.GetBytes(random.Next(3) switch { 0 => "\"", 1 => "{{{{[", _ => "-1e999" }));
                    break;
                default:
                    message.InsertRange(at, message.GetRange(0, Math.Min(message.Count, random.Next(64))));
                    break;
            }
        }

        return [.. message];
    }
}

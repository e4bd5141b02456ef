using System.Net;
using System.Net.WebSockets;
using System.Text.Json;

namespace Millrace.Tests.Server;

/// <summary>Clients that do not keep to the protocol are told so, and hurt nobody else.</summary>
public sealed class MisbehaviourTests
{
    public static TheoryData<string, int> Texts => new()
    {
        { "", 4000 },
        { "null", 4000 },
        { "[]", 4000 },
        { "{\"type\":\"hello\"", 4000 },
        { "{\"type\":\"helo\",\"version\":1}", 4000 },
        { "{\"type\":\"hello\"}", 4000 },
        { "{\"type\":\"hello\",\"version\":1,\"colour\":2}", 4000 },
        { "{\"type\":\"hello\",\"version\":1,\"settings\":{\"width\":1000000,\"height\":1000000}}", 4000 },
        { "{\"type\":\"hello\",\"version\":1,\"settings\":{\"codec\":\"none\"}}", 4000 },
        { "{\"type\":\"hello\",\"version\":1,\"settings\":{\"guidance\":7}}", 4000 },
        { "{\"type\":\"hello\",\"version\":2}", 4002 },
        { "{\"type\":\"hello\",\"version\":1,\"model\":\"../../etc\"}", 4004 },
        { "{\"type\":\"ping\",\"at\":1}", 4000 },
    };

    [Fact]
    public async Task A_bad_hello_gets_its_reason()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        foreach ((string text, int code) in Texts.Select(row => row.Data))
        {
            using StreamClient client = await StreamClient.ConnectAsync(host.StreamAddress);
            await client.SendAsync(StreamClient.Text(text), WebSocketMessageType.Text);
            Assert.Equal((text, code), (text, await client.EndAsync()));
            Assert.NotEmpty(client.CloseReason!);
        }

        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task Bad_frames_get_their_reason_while_a_good_stream_goes_on()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { MaximumFrameBytes = 1 << 20, StreamsPerClient = 64 });
        (StreamClient good, System.Text.Json.JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, new { codec = "raw" });
        byte[] frame = StreamClient.RawFrame(0, 8, 1);
        byte[] Changed(int at, byte value) => [.. frame[..at], value, .. frame[(at + 1)..]];
        byte[] bomb = [.. frame[..32], 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 8, 2, 0, 0, 0, 0, 0, 0, 0];
        bomb[1] = 3;
        (byte[] Message, int Code)[] bad =
        [
            ([], 4000), (frame[..31], 4000), (Changed(0, 2), 4002), (Changed(1, 9), 4000), (Changed(1, 1), 4000), (Changed(24, 9), 4000), (frame[..^1], 4000),
            (Changed(15, 0x80), 4000), (Changed(23, 0x80), 4000), (bomb, 4000), (new byte[(1 << 20) + 1], 1009),
        ];
        for (int index = 0; index < bad.Length; index++)
        {
            (StreamClient client, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
            await client.SendAsync(bad[index].Message, WebSocketMessageType.Binary);
            Assert.Equal((index, bad[index].Code), (index, await client.EndAsync()));
            client.Dispose();
            await good.ShowAsync(index, LiveTests.Side(welcome), 50);
            Assert.Equal(index, (await good.SeeAsync()).Id);
        }

        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task Deadlines_floods_and_too_many_streams_are_closed_with_their_codes()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with
        {
            HelloDeadline = TimeSpan.FromSeconds(0.5),
            IdleDeadline = TimeSpan.FromSeconds(3),
            MessagesPerSecond = 20,
            StreamsPerClient = 2,
        });
        await host.ReadyAsync();
        using StreamClient silent = await StreamClient.ConnectAsync(host.StreamAddress);
        Assert.Equal(4008, await silent.EndAsync());

        (StreamClient idle, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
        (StreamClient flood, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
        using StreamClient third = await StreamClient.ConnectAsync(host.StreamAddress);
        await third.SayAsync(new { type = "hello", version = 1 });
        Assert.Equal(4003, await third.EndAsync());

        for (int message = 0; message < 300; message++) // within one second some twenty of them, however busy the machine
        {
            await flood.TryToSendAsync(StreamClient.Text($"{{\"type\":\"ping\",\"at\":{message}}}"), WebSocketMessageType.Text);
        }

        Assert.Equal(4009, await flood.EndAsync());
        Assert.Equal(4008, await idle.EndAsync());
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_given_up_while_a_good_stream_goes_on()
    {
        await using ServerHost host = await ServerHost.StartAsync(options => options with { SendDeadline = TimeSpan.FromSeconds(0.5), MessagesPerSecond = 1_000_000 });
        (StreamClient good, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, new { });
        (StreamClient deaf, _) = await StreamClient.OpenAsync(host.StreamAddress, new { });
        byte[] asks = StreamClient.Text($"{{\"type\":\"set\",\"settings\":{{\"prompt\":\"{new string('a', 4000)}\"}}}}"); // each answer is as long
        Task flood = Task.Run(async () =>
        {
            while (true)
            {
                await deaf.SendAsync(asks, WebSocketMessageType.Text);
            }
        }, TestContext.Current.CancellationToken);

        for (int frame = 0; !flood.IsCompleted; frame++)
        {
            await good.ShowAsync(frame, LiveTests.Side(welcome), 50);
            Assert.Equal(frame, (await good.SeeAsync()).Id);
        }

        await Assert.ThrowsAnyAsync<Exception>(() => flood); // the connection broke under it
        while (!(await host.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).Contains("millrace_connections_closed_total{code=\"4010\"} 1", StringComparison.Ordinal))
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Empty(host.Errors.Lines);
    }

    [Fact]
    public async Task Keys_are_asked_for_and_foreign_pages_refused()
    {
        const string Key = "a-key-of-enough-letters";
        await using ServerHost host = await ServerHost.StartAsync(options => options with { ApiKeys = [Key] });
        using StreamClient without = await StreamClient.ConnectAsync(host.StreamAddress);
        await without.SayAsync(new { type = "hello", version = 1 });
        Assert.Equal(4001, await without.EndAsync());
        using StreamClient with = await StreamClient.ConnectAsync(host.StreamAddress);
        await with.SayAsync(new { type = "hello", version = 1, key = Key });
        await with.HearAsync("welcome");

        Assert.Equal(HttpStatusCode.Unauthorized, (await host.Http.GetAsync("/metrics", TestContext.Current.CancellationToken)).StatusCode);
        host.Http.DefaultRequestHeaders.Add("Origin", "https://elsewhere.example");
        Assert.Equal(HttpStatusCode.Forbidden, (await host.Http.GetAsync("/healthz", TestContext.Current.CancellationToken)).StatusCode);
    }
}

using System.Net.WebSockets;
using System.Text.Json;

namespace Millrace.Tests.Server;

/// <summary>Streams over the protocol.</summary>
public sealed class LiveTests
{
    private static readonly object Settings = new { codec = "raw", prompt = "a" };

    [Fact]
    public async Task A_frame_goes_out_and_its_picture_comes_back()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (StreamClient client, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, Settings);
        int side = Side(welcome);

        await client.ShowAsync(0, side, 90, timestamp: 1234);
        StreamClient.Picture picture = await client.SeeAsync();

        Assert.Equal((4, 0L, 1234L, side), (picture.Codec, picture.Id, picture.Timestamp, picture.Width));
        Assert.Equal(3 * side * side, picture.Bytes.Length);
        await client.CloseAsync();
        Assert.Equal(1000, client.CloseCode);
        Assert.Empty(host.Errors.Lines);
    }

    [Theory]
    [InlineData("jpeg", 1)]
    [InlineData("webp", 2)]
    [InlineData("png", 3)]
    public async Task Pictures_come_in_the_codec_that_was_asked_for_and_go_in_as_such(string codec, byte number)
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (StreamClient client, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, new { codec });
        await client.ShowAsync(0, Side(welcome), 90);
        StreamClient.Picture picture = await client.SeeAsync();
        Assert.Equal(number, picture.Codec);

        byte[] header = StreamClient.RawFrame(1, 1, 0)[..32];
        header[1] = number;
        await client.SendAsync([.. header, .. picture.Bytes], WebSocketMessageType.Binary);

        Assert.Equal(1, (await client.SeeAsync()).Id);
    }

    [Fact]
    public async Task Two_clients_get_the_pictures_that_each_would_get_alone()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        byte[][] together = await Task.WhenAll(PictureOf(host, 40, "a"), PictureOf(host, 200, "b"));
        byte[] first = await PictureOf(host, 40, "a"), second = await PictureOf(host, 200, "b");

        AssertClose(first, together[0]);
        AssertClose(second, together[1]);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public async Task Settings_change_while_it_runs_and_a_wrong_one_changes_nothing()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (StreamClient client, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, Settings);
        await client.ShowAsync(0, Side(welcome), 90);
        StreamClient.Picture before = await client.SeeAsync();

        await client.SayAsync(new { type = "set", settings = new { seed = 99, prompt = "b", secondPrompt = "c", blend = 0.5 } });
        Assert.Equal(99, (await client.HearAsync("settings")).GetProperty("settings").GetProperty("seed").GetInt32());
        await client.SayAsync(new { type = "set", settings = new { steps = new[] { 40, 2 } } });
        Assert.Contains("ascending", (await client.HearAsync("error")).GetProperty("message").GetString());

        await client.ShowAsync(1, Side(welcome), 90);
        Assert.NotEqual(before.Bytes, (await client.SeeAsync()).Bytes);
        await client.SayAsync(new { type = "ping", at = 5.5 });
        Assert.Equal(5.5, (await client.HearAsync("pong")).GetProperty("at").GetDouble());
    }

    [Fact]
    public async Task A_broken_connection_is_resumed_and_a_second_one_takes_the_stream_over()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (StreamClient client, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, Settings);
        string token = welcome.GetProperty("resume").GetString()!;
        await client.ShowAsync(7, Side(welcome), 90);
        await client.SeeAsync();
        client.Dispose();

        (StreamClient again, JsonElement back) = await StreamClient.OpenAsync(host.StreamAddress, new { }, token);
        Assert.Equal((true, 7), (back.GetProperty("resumed").GetBoolean(), back.GetProperty("lastFrame").GetInt32()));
        (StreamClient third, _) = await StreamClient.OpenAsync(host.StreamAddress, new { }, token);

        Assert.Equal(4011, await again.EndAsync());
        await third.ShowAsync(8, Side(welcome), 90);
        Assert.Equal(8, (await third.SeeAsync()).Id);
    }

    [Fact]
    public async Task Text_to_image_takes_frames_without_pixels()
    {
        await using ServerHost host = await ServerHost.StartAsync();
        (StreamClient client, _) = await StreamClient.OpenAsync(host.StreamAddress, new { codec = "raw", mode = "textToImage", guidance = "none" });
        byte[] empty = StreamClient.RawFrame(0, 1, 0)[..32];
        empty[1] = 0;
        await client.SendAsync(empty, WebSocketMessageType.Binary);
        Assert.Equal(0, (await client.SeeAsync()).Id);
    }

    internal static int Side(JsonElement welcome) => welcome.GetProperty("settings").GetProperty("width").GetInt32();

    internal static async Task<byte[]> PictureOf(ServerHost host, byte colour, string prompt)
    {
        (StreamClient client, JsonElement welcome) = await StreamClient.OpenAsync(host.StreamAddress, new { codec = "raw", prompt });
        await client.ShowAsync(0, Side(welcome), colour);
        byte[] picture = (await client.SeeAsync()).Bytes;
        await client.CloseAsync();
        return picture;
    }

    private static void AssertClose(byte[] expected, byte[] seen) => Assert.All(expected.Zip(seen), pair => Assert.InRange(pair.Second - pair.First, -1, 1));
}

using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Millrace.Tests.Server;

/// <summary>A client of the stream protocol, written from docs/protocol.md alone.</summary>
internal sealed class StreamClient : IDisposable
{
    private const int Header = 32;
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _buffer = new byte[1 << 20];

    public int? CloseCode => (int?)_socket.CloseStatus;

    public string? CloseReason => _socket.CloseStatusDescription;

    public static async Task<StreamClient> ConnectAsync(Uri address)
    {
        var client = new StreamClient();
        client._socket.Options.AddSubProtocol("millrace.v1");
        await client._socket.ConnectAsync(address, TestContext.Current.CancellationToken);
        return client;
    }

    /// <summary>Connects and says hello.</summary>
    public static async Task<(StreamClient Client, JsonElement Welcome)> OpenAsync(Uri address, object settings, string? resume = null)
    {
        StreamClient client = await ConnectAsync(address);
        await client.SayAsync(new { type = "hello", version = 1, resume, settings });
        return (client, await client.HearAsync("welcome"));
    }

    public Task SayAsync(object message) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text);

    /// <summary>Sends to a server that may have closed already.</summary>
    public async Task TryToSendAsync(byte[] message, WebSocketMessageType type)
    {
        try
        {
            await SendAsync(message, type);
        }
        catch (Exception closed) when (closed is WebSocketException or InvalidOperationException)
        {
            // Its reason waits to be read.
        }
    }

    public Task SendAsync(byte[] message, WebSocketMessageType type) => _socket.SendAsync(message, type, true, TestContext.Current.CancellationToken);

    /// <summary>Sends a raw frame of one colour.</summary>
    public Task ShowAsync(long id, int side, byte colour, long timestamp = 0) => SendAsync(RawFrame(id, side, colour, timestamp), WebSocketMessageType.Binary);

    public static byte[] RawFrame(long id, int side, byte colour, long timestamp = 0)
    {
        var message = new byte[Header + (3 * side * side)];
        (message[0], message[1]) = (1, 4);
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(8), id);
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(16), timestamp);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(24), (ushort)side);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(26), (ushort)side);
        message.AsSpan(Header).Fill(colour);
        return message;
    }

    /// <summary>The next control message of a type; others and pictures are passed over.</summary>
    public async Task<JsonElement> HearAsync(string type)
    {
        while (true)
        {
            (WebSocketMessageType kind, byte[] message) = await ReceiveAsync();
            if (kind == WebSocketMessageType.Close)
            {
                throw new InvalidOperationException($"Closed with {CloseCode}: {CloseReason}");
            }

            if (kind == WebSocketMessageType.Text && JsonDocument.Parse(message).RootElement is var json && json.GetProperty("type").GetString() == type)
            {
                return json;
            }
        }
    }

    /// <summary>The next picture; control messages are passed over.</summary>
    public async Task<Picture> SeeAsync()
    {
        while (true)
        {
            (WebSocketMessageType kind, byte[] message) = await ReceiveAsync();
            if (kind == WebSocketMessageType.Binary)
            {
                return new Picture(
                    message[1], BinaryPrimitives.ReadInt64LittleEndian(message.AsSpan(8)), BinaryPrimitives.ReadInt64LittleEndian(message.AsSpan(16)),
                    BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(24)), message[Header..]);
            }

            if (kind == WebSocketMessageType.Close)
            {
                throw new InvalidOperationException($"Closed with {CloseCode}: {CloseReason}");
            }
        }
    }

    /// <summary>Waits for the server's close.</summary>
    /// <returns>Its code; null where the connection broke without one.</returns>
    public async Task<int?> EndAsync()
    {
        try
        {
            while ((await ReceiveAsync()).Kind != WebSocketMessageType.Close)
            {
            }
        }
        catch (WebSocketException)
        {
            return null;
        }

        return CloseCode;
    }

    public Task CloseAsync(WebSocketCloseStatus code = WebSocketCloseStatus.NormalClosure) => _socket.CloseAsync(code, "", TestContext.Current.CancellationToken);

    /// <summary>Breaks the connection.</summary>
    public void Dispose() => _socket.Dispose();

    public static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private async Task<(WebSocketMessageType Kind, byte[] Message)> ReceiveAsync()
    {
        int length = 0;
        while (true)
        {
            WebSocketReceiveResult piece = await _socket.ReceiveAsync(new ArraySegment<byte>(_buffer, length, _buffer.Length - length), TestContext.Current.CancellationToken);
            length += piece.Count;
            if (piece.EndOfMessage)
            {
                return (piece.MessageType, _buffer[..length]);
            }
        }
    }

    /// <summary>A picture of the server.</summary>
    internal sealed record Picture(int Codec, long Id, long Timestamp, int Width, byte[] Bytes);
}

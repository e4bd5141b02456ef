using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using Millrace.Imaging;

namespace Millrace.Benchmarks;

/// <summary>A client of the stream protocol, version 1, that sends and takes raw pixels, as the studio does at small sizes.</summary>
internal sealed class ServedStream : IDisposable
{
    private const int HeaderBytes = 32;
    private const byte Version = 1, RawCodec = 4;

    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _received = new byte[16 << 20];
    private readonly long _start = Stopwatch.GetTimestamp();
    private byte[] _sent = [];

    /// <summary>Side of the pictures in pixels.</summary>
    public int Size { get; private set; }

    /// <summary>Connects, and opens a stream.</summary>
    /// <param name="server">Address of the server.</param>
    /// <param name="settings">Of the stream, beside its codec.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public static async Task<ServedStream> OpenAsync(Uri server, IReadOnlyDictionary<string, object> settings, CancellationToken cancellationToken)
    {
        var stream = new ServedStream();
        try
        {
            stream._socket.Options.AddSubProtocol("millrace.v1");
            await stream._socket.ConnectAsync(new UriBuilder(new Uri(server, "v1/stream")) { Scheme = "ws" }.Uri, cancellationToken);
            byte[] hello = JsonSerializer.SerializeToUtf8Bytes(new { type = "hello", version = Version, settings = new Dictionary<string, object>(settings) { ["codec"] = "raw" } });
            await stream._socket.SendAsync(hello, WebSocketMessageType.Text, true, cancellationToken);
            using var welcome = JsonDocument.Parse((await stream.ReceiveAsync(WebSocketMessageType.Text, cancellationToken)).ToArray());
            stream.Size = welcome.RootElement.GetProperty("settings").GetProperty("width").GetInt32();
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Sends a frame, stamped with the time.</summary>
    public async Task SendAsync(Frame frame, CancellationToken cancellationToken)
    {
        Array.Resize(ref _sent, HeaderBytes + frame.Rgb.Length);
        (_sent[0], _sent[1]) = (Version, RawCodec);
        BinaryPrimitives.WriteInt64LittleEndian(_sent.AsSpan(8), frame.Id);
        BinaryPrimitives.WriteInt64LittleEndian(_sent.AsSpan(16), Now);
        BinaryPrimitives.WriteUInt16LittleEndian(_sent.AsSpan(24), (ushort)frame.Width);
        BinaryPrimitives.WriteUInt16LittleEndian(_sent.AsSpan(26), (ushort)frame.Height);
        frame.Rgb.CopyTo(_sent.AsSpan(HeaderBytes));
        await _socket.SendAsync(_sent, WebSocketMessageType.Binary, true, cancellationToken);
    }

    /// <summary>Takes the next picture.</summary>
    public async Task<ServedPicture> TakeAsync(CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> picture = await ReceiveAsync(WebSocketMessageType.Binary, cancellationToken);
        long id = BinaryPrimitives.ReadInt64LittleEndian(picture.Span[8..]), sentAt = BinaryPrimitives.ReadInt64LittleEndian(picture.Span[16..]);
        return new ServedPicture(id, (Now - sentAt) / 1000.0, BinaryPrimitives.ReadUInt32LittleEndian(picture.Span[4..]) / 1000.0);
    }

    public void Dispose() => _socket.Dispose();

    // In microseconds.
    private long Now => (long)Stopwatch.GetElapsedTime(_start).TotalMicroseconds;

    private async Task<ReadOnlyMemory<byte>> ReceiveAsync(WebSocketMessageType kind, CancellationToken cancellationToken)
    {
        int length = 0;
        while (true)
        {
            ValueWebSocketReceiveResult piece = await _socket.ReceiveAsync(_received.AsMemory(length), cancellationToken);
            if (piece.MessageType == WebSocketMessageType.Close)
            {
                throw new InvalidOperationException($"The server closed the stream with {(int)_socket.CloseStatus!}: {_socket.CloseStatusDescription}");
            }

            length += piece.Count;
            if (piece.EndOfMessage && piece.MessageType == kind)
            {
                return _received.AsMemory(0, length);
            }

            length = piece.EndOfMessage ? 0 : length;
        }
    }
}

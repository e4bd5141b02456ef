using System.Buffers;
using System.Net.WebSockets;
using System.Text;

namespace Millrace.Server.Live;

/// <summary>A WebSocket with the limits of the server: whole messages in, of bounded size and rate and before a deadline; one message out at a time.</summary>
internal sealed class Wire(WebSocket socket, MillraceServerOptions options, TimeProvider time) : IDisposable
{
    private const int Piece = 16 << 10, MostReasonBytes = 123;
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ArrayBufferWriter<byte> _message = new();
    private Task<ValueWebSocketReceiveResult>? _receiving;
    private long _windowStart = time.GetTimestamp();
    private int _inWindow;

    /// <summary>The bytes of the message received last; valid until the next.</summary>
    public ReadOnlySpan<byte> Message => _message.WrittenSpan;

    /// <summary>Whether the client closed as one that goes away, such as a page that is loaded anew, and may come back.</summary>
    public bool ClientWentAway => socket.CloseStatus == WebSocketCloseStatus.EndpointUnavailable;

    /// <summary>Receives a message.</summary>
    /// <returns>Its kind; <see cref="WebSocketMessageType.Close"/> at the end.</returns>
    /// <exception cref="LiveException">Where it comes too late, is too large, or comes too soon after too many.</exception>
    /// <exception cref="WebSocketException">Where the connection broke.</exception>
    public async Task<WebSocketMessageType> ReceiveAsync(TimeSpan deadline)
    {
        _message.ResetWrittenCount();
        long start = time.GetTimestamp();
        while (true)
        {
            _receiving = socket.ReceiveAsync(_message.GetMemory(Piece), CancellationToken.None).AsTask();
            ValueWebSocketReceiveResult piece;
            try
            {
                // A cancelled receive would break the connection, and no reason could be given.
                TimeSpan left = deadline - time.GetElapsedTime(start);
                piece = await _receiving.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
            }
            catch (TimeoutException)
            {
                throw new LiveException(CloseCode.Deadline, $"No whole message came within {deadline.TotalSeconds:0} seconds.");
            }

            _message.Advance(piece.Count);
            if (_message.WrittenCount > options.MaximumFrameBytes)
            {
                throw new LiveException(CloseCode.TooLarge, $"A message may have {options.MaximumFrameBytes} bytes.");
            }

            if (piece.EndOfMessage)
            {
                CountMessage();
                return piece.MessageType;
            }
        }
    }

    /// <summary>Sends a message.</summary>
    /// <exception cref="LiveException">Where the client does not take it in time; the connection is broken then.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> message, WebSocketMessageType type)
    {
        using var deadline = new CancellationTokenSource(options.SendDeadline, time);
        try
        {
            await _sending.WaitAsync(deadline.Token);
            try
            {
                await socket.SendAsync(message, type, endOfMessage: true, deadline.Token);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (OperationCanceledException)
        {
            socket.Abort();
            throw new LiveException(CloseCode.SlowReader, $"A message was not taken within {options.SendDeadline.TotalSeconds:0} seconds.");
        }
    }

    public Task SendAsync(ServerMessage message) => SendAsync(LiveJson.Write(message), WebSocketMessageType.Text);

    /// <summary>Says why it ends, and waits a little for the client to have heard.</summary>
    public async Task CloseAsync(CloseCode code, string reason)
    {
        using var deadline = new CancellationTokenSource(Farewell, time);
        try
        {
            await _sending.WaitAsync(deadline.Token);
            if (socket.State != WebSocketState.CloseSent) // else it closed of itself, for text that is not UTF-8
            {
                await socket.CloseOutputAsync((WebSocketCloseStatus)(int)code, Shorten(reason), deadline.Token);
            }

            await DrainAsync(deadline.Token);
        }
        catch (Exception error) when (error is WebSocketException or OperationCanceledException or InvalidOperationException or IOException)
        {
            socket.Abort(); // nobody is there to be told
        }
    }

    public void Dispose() => _sending.Dispose();

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        var ignored = new byte[Piece];
        while (socket.State == WebSocketState.CloseSent)
        {
            _receiving = _receiving is { IsCompleted: false } ? _receiving : socket.ReceiveAsync(ignored.AsMemory(), CancellationToken.None).AsTask();
            await _receiving.WaitAsync(cancellationToken);
        }
    }

    private void CountMessage()
    {
        if (time.GetElapsedTime(_windowStart) > TimeSpan.FromSeconds(1))
        {
            (_windowStart, _inWindow) = (time.GetTimestamp(), 0);
        }

        if (++_inWindow > options.MessagesPerSecond)
        {
            throw new LiveException(CloseCode.TooFast, $"A connection may send {options.MessagesPerSecond} messages a second.");
        }
    }

    private static string Shorten(string reason)
    {
        while (Encoding.UTF8.GetByteCount(reason) > MostReasonBytes)
        {
            reason = reason[..^1];
        }

        return reason;
    }
}

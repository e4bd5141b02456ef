using System.Diagnostics;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Millrace.Server.Models;
using Millrace.Server.Observability;
using Millrace.Server.Provenance;
using Millrace.Server.Security;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Live;

/// <summary>The WebSocket of live streams: from the request to the last word.</summary>
internal sealed partial class LiveEndpoint
{
    public const string Protocol = "millrace.v1";
    private const int Version = 1;
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private readonly MillraceServerOptions _options;
    private readonly LiveSessions _sessions;
    private readonly ModelLibrary _library;
    private readonly ClientQuotas _quotas;
    private readonly Gate _gate;
    private readonly PictureFinisher _finisher;
    private readonly ServerMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly ILogger<LiveEndpoint> _logger;
    private readonly WebSocketMiddleware _upgrade;

    public LiveEndpoint(
        MillraceServerOptions options, LiveSessions sessions, ModelLibrary library, ClientQuotas quotas, Gate gate, PictureFinisher finisher, ServerMetrics metrics, TimeProvider time,
        IHostApplicationLifetime lifetime, ILoggerFactory logging)
    {
        (_options, _sessions, _library, _quotas, _gate, _finisher, _metrics, _time) = (options, sessions, library, quotas, gate, finisher, metrics, time);
        (_stopping, _logger) = (lifetime.ApplicationStopping, logging.CreateLogger<LiveEndpoint>());
        _upgrade = new WebSocketMiddleware(AcceptAsync, Options.Create(new WebSocketOptions { KeepAliveInterval = KeepAlive, KeepAliveTimeout = KeepAlive }), logging);
    }

    /// <summary>Answers a request for a connection.</summary>
    public async Task<IResult> HandleAsync(HttpContext http)
    {
        using IDisposable lease = _quotas.TakeConnection(Gate.ClientOf(http));
        await _upgrade.Invoke(http);
        return Results.Empty;
    }

    private async Task AcceptAsync(HttpContext http)
    {
        if (!http.WebSockets.IsWebSocketRequest)
        {
            throw new ProblemException(StatusCodes.Status426UpgradeRequired, "websocket_only", "This address speaks WebSocket only; see docs/protocol.md.");
        }

        using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync(http.WebSockets.WebSocketRequestedProtocols.Contains(Protocol) ? Protocol : null);
        using var wire = new Wire(socket, _options, _time);
        _metrics.CountOpened();
        using Activity? activity = ServerMetrics.Source.StartActivity("millrace.stream", ActivityKind.Server);
        LiveException end = await RunAsync(http, wire);
        activity?.SetTag("millrace.close_code", (int)end.Code);
        await wire.CloseAsync(end.Code, end.Message);
        _metrics.CountClosed((int)end.Code);
        LogClosed(_logger, (int)end.Code, end.Message);
    }

    private async Task<LiveException> RunAsync(HttpContext http, Wire wire)
    {
        LiveSession? session = null;
        CancellationToken owner = default;
        try
        {
            (session, bool resumed) = await GreetAsync(http, wire);
            Activity.Current?.SetTag("millrace.model", session.Model.Name).SetTag("millrace.resumed", resumed);
            owner = session.TakeOver();
            await wire.SendAsync(Welcome(session, resumed));
            await new LiveConnection(wire, session, _options, _finisher, _metrics, _time).RunAsync(owner, _stopping);
            await _sessions.EndAsync(session);
            return new LiveException(CloseCode.Ended, "The stream has ended.");
        }
        catch (Exception error)
        {
            LiveException end = Explain(error);
            if (session is not null && !owner.IsCancellationRequested)
            {
                await LeaveAsync(session, end.Code);
            }

            return end;
        }
    }

    private async Task<(LiveSession Session, bool Resumed)> GreetAsync(HttpContext http, Wire wire)
    {
        if (await wire.ReceiveAsync(_options.HelloDeadline) != WebSocketMessageType.Text || LiveJson.Read(wire.Message) is not ClientMessage.Hello hello)
        {
            throw new LiveException(CloseCode.Malformed, "The first message of a connection must be a hello.");
        }

        if (hello.Version != Version)
        {
            throw new LiveException(CloseCode.UnsupportedVersion, $"This server speaks version {Version}; got {hello.Version}.");
        }

        string client = _gate.ClientOf(http, hello.Key ?? Gate.KeyOf(http.Request));
        return hello.Resume is { } token && _sessions.TryFind(token, client, out LiveSession? session)
            ? (session, true)
            : (await _sessions.OpenAsync(client, hello.Model, hello.Settings), false);
    }

    /// <summary>A stream whose connection broke waits for the next one; one whose client did wrong, or whose model failed, does not.</summary>
    private async Task LeaveAsync(LiveSession session, CloseCode code)
    {
        if (code is CloseCode.GoingAway or CloseCode.SlowReader or CloseCode.Deadline)
        {
            session.LostAt = _time.GetUtcNow();
        }
        else
        {
            await _sessions.EndAsync(session);
        }
    }

    private ServerMessage.Welcome Welcome(LiveSession session, bool resumed) => new(
        Version, session.Token, resumed, session.Model.Name, [.. _library.Names], session.LastFrame, session.Settings,
        new LiveLimits(
            _options.MaximumFrameBytes, _options.MaximumPixels, _options.StreamPixels(session.Model.Model.DefaultSize), _options.MaximumStreamSteps, _options.MaximumPromptLength,
            _options.MessagesPerSecond, _options.IdleDeadline.TotalSeconds, _options.ResumeWindow.TotalSeconds, session.Model.Model.SizeMultiple));

    private LiveException Explain(Exception error)
    {
        switch (error)
        {
            case LiveException live:
                return live;
            case ProblemException problem:
                return LiveException.Of(problem);
            case StreamRefusedException:
                return new(CloseCode.Refused, error.Message);
            case ArgumentException:
                return new(CloseCode.Malformed, error.Message);
            case WebSocketException or IOException or OperationCanceledException:
                return new(CloseCode.GoingAway, "The connection broke.");
            default:
                LogFailure(_logger, error);
                return new(CloseCode.StreamFailed, "The server failed; its log says why.");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "A stream's connection was closed with {Code}: {Reason}")]
    private static partial void LogClosed(ILogger logger, int code, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A stream failed.")]
    private static partial void LogFailure(ILogger logger, Exception error);
}

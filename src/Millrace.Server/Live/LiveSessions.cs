using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Millrace.Server.Models;
using Millrace.Server.Security;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Live;

/// <summary>All streams of clients, those too that wait for their client to come back.</summary>
internal sealed class LiveSessions(MillraceServerOptions options, ModelLibrary library, ClientQuotas quotas, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, LiveSession> _sessions = new();

    /// <summary>Opens a stream.</summary>
    /// <exception cref="ProblemException">Where there is no such model, or the client has too many streams.</exception>
    /// <exception cref="StreamRefusedException">Where all streams are taken.</exception>
    /// <exception cref="ArgumentException">Where a setting is wrong.</exception>
    public async Task<LiveSession> OpenAsync(string client, string? model, LiveSettings? settings)
    {
        HostedModel hosted = await library.GetAsync(model);
        StreamHub hub = hosted.Hub ?? throw new ProblemException(StatusCodes.Status404NotFound, "cannot_stream", $"The model '{hosted.Name}' cannot be streamed.");
        LiveSettings all = LiveSettings.DefaultsOf(hosted.Model).With(settings ?? new());
        all.Validate(options, hosted.Model);
        while (true)
        {
            try
            {
                return Open(client, hosted, hub, all);
            }
            catch (Exception refused) when (refused is ProblemException or StreamRefusedException && LongestLost(refused is ProblemException ? client : null, hosted) is { } lost)
            {
                await EndAsync(lost); // nobody has come back for it, and somebody is here
            }
        }
    }

    private LiveSession Open(string client, HostedModel hosted, StreamHub hub, LiveSettings all)
    {
        IDisposable lease = quotas.TakeStream(client);
        try
        {
            HubStream stream = hub.Open(all.ToOptions(), all.BlendedPrompt(), all.CleanNegativePrompt());
            var session = new LiveSession(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), client, hosted, stream, all, lease);
            _sessions[session.Token] = session;
            return session;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private LiveSession? LongestLost(string? client, HostedModel hosted) =>
        _sessions.Values.Where(session => session.LostAt is not null && (client is null ? session.Model == hosted : session.Client == client)).MinBy(session => session.LostAt);

    /// <summary>A client's stream by its token.</summary>
    public bool TryFind(string token, string client, [NotNullWhen(true)] out LiveSession? session) => _sessions.TryGetValue(token, out session) && session.Client == client;

    /// <summary>Ends a stream; once, whoever asks.</summary>
    public async Task EndAsync(LiveSession session)
    {
        if (_sessions.TryRemove(session.Token, out _))
        {
            await session.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        foreach (LiveSession session in _sessions.Values)
        {
            await EndAsync(session);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Sweep, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (LiveSession session in _sessions.Values.Where(session => session.LostAt + options.ResumeWindow < time.GetUtcNow()))
            {
                await EndAsync(session);
            }
        }
    }
}

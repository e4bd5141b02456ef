using System.Diagnostics;
using System.Net.WebSockets;
using Millrace.Server.Observability;
using Millrace.Server.Provenance;
using Millrace.Streaming;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Live;

/// <summary>One connection's work on its stream: frames and changes in, pictures and figures out, each at its own pace.</summary>
internal sealed class LiveConnection(Wire wire, LiveSession session, MillraceServerOptions options, PictureFinisher finisher, ServerMetrics metrics, TimeProvider time)
{
    private static readonly TimeSpan FiguresEvery = TimeSpan.FromSeconds(1);

    /// <summary>Runs until one side ends it.</summary>
    /// <param name="owner">Ends it where another connection takes the stream.</param>
    /// <param name="stopping">Ends it where the server stops.</param>
    /// <exception cref="LiveException">Says why it is to be closed; without one, the client closed it.</exception>
    public async Task RunAsync(CancellationToken owner, CancellationToken stopping)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(owner, stopping);
        Task[] work = [ReceiveAsync(ended.Token), SendPicturesAsync(ended.Token), SendFiguresAsync(ended.Token)];
        Task first = await Task.WhenAny([.. work, Task.Delay(Timeout.Infinite, ended.Token)]);
        bool takenOver = owner.IsCancellationRequested, stopped = stopping.IsCancellationRequested;
        await ended.CancelAsync();
        await Task.WhenAll(work[1..]).ContinueWith(all => all.Exception, TaskScheduler.Default); // one reason is enough
        _ = work[0].ContinueWith(receiving => receiving.Exception, TaskScheduler.Default); // ends with the socket
        if (takenOver)
        {
            throw new LiveException(CloseCode.TakenOver, "Another connection has taken the stream.");
        }

        if (stopped)
        {
            throw new LiveException(CloseCode.GoingAway, "The server stops.");
        }

        // A message that was not taken breaks the connection, and its receiving side may be the first to notice.
        LiveException? reason = work.Select(part => part.Exception?.InnerException).OfType<LiveException>().FirstOrDefault();
        await (first.IsFaulted && reason is not null ? Task.FromException(reason) : first);
    }

    private async Task ReceiveAsync(CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            switch (await wire.ReceiveAsync(options.IdleDeadline))
            {
                case WebSocketMessageType.Close when wire.ClientWentAway:
                    throw new LiveException(CloseCode.GoingAway, "The client went away.");
                case WebSocketMessageType.Close:
                    return;
                case var _ when ended.IsCancellationRequested:
                    return;
                case WebSocketMessageType.Binary:
                    long start = time.GetTimestamp();
                    session.Send(FramePixels.Read(wire.Message, options.MaximumPixels));
                    session.Record(StreamStage.Read, time.GetElapsedTime(start));
                    break;
                default:
                    await AnswerAsync(LiveJson.Read(wire.Message));
                    break;
            }
        }
    }

    private async Task AnswerAsync(ClientMessage message)
    {
        switch (message)
        {
            case ClientMessage.Ping ping:
                await wire.SendAsync(new ServerMessage.Pong(ping.At));
                break;
            case ClientMessage.Change change:
                try
                {
                    session.Change(change.Settings, options);
                    await wire.SendAsync(new ServerMessage.InForce(session.Settings));
                }
                catch (ArgumentException error)
                {
                    await wire.SendAsync(new ServerMessage.Refusal("invalid_settings", error.Message));
                }

                break;
            default:
                throw new LiveException(CloseCode.Malformed, "A connection says hello once, at its beginning.");
        }
    }

    private async Task SendPicturesAsync(CancellationToken ended)
    {
        try
        {
            await foreach (HubFrame picture in session.Stream.ReadAllAsync(ended))
            {
                using Activity? activity = ServerMetrics.Source.StartActivity(
                    "millrace.frame", ActivityKind.Internal, default(ActivityContext), startTime: time.GetUtcNow() - picture.Latency);
                activity?.SetTag("millrace.frame", picture.Frame.Id).SetTag("millrace.steps", picture.Steps).SetTag("millrace.repeated", picture.Repeated);
                long start = time.GetTimestamp();
                await wire.SendAsync(FramePixels.Write(picture, session, finisher), WebSocketMessageType.Binary);
                session.Record(StreamStage.Write, time.GetElapsedTime(start));
                metrics.CountFrame(picture.Latency);
            }
        }
        catch (InvalidOperationException error)
        {
            throw new LiveException(CloseCode.StreamFailed, error.Message);
        }

        throw new LiveException(CloseCode.GoingAway, "The stream has ended.");
    }

    private async Task SendFiguresAsync(CancellationToken ended)
    {
        using var timer = new PeriodicTimer(FiguresEvery, time);
        long told = -1;
        while (await timer.WaitForNextTickAsync(ended))
        {
            StreamStatistics statistics = session.Stream.Statistics;
            LatencyHistogram latency = statistics.Stages[StreamStage.Total];
            if (statistics.FramesOut != told)
            {
                told = statistics.FramesOut;
                await wire.SendAsync(new ServerMessage.Figures(
                    statistics.FramesIn, statistics.FramesOut, statistics.FramesDropped, latency.Percentile(0.5).TotalMilliseconds, latency.Percentile(0.95).TotalMilliseconds,
                    session.Model.Hub!.Statistics.OpenStreams, session.Stream.Options.Steps.Count));
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Millrace.Imaging;
using Millrace.Server.Models;
using Millrace.Server.Observability;
using Millrace.Server.Provenance;
using Millrace.Server.Security;
using Millrace.Solvers;

namespace Millrace.Server.Images;

/// <summary>Accepts jobs and works them off, one after another, on a thread of its own.</summary>
internal sealed partial class ImageJobQueue(
    MillraceServerOptions options, ModelLibrary library, ImageJobJournal journal, PictureFinisher finisher, ClientQuotas quotas, ServerMetrics metrics, TimeProvider time, ILogger<ImageJobQueue> logger)
    : BackgroundService
{
    private const int KeptResults = 64;

    private readonly Channel<ImageJob> _waiting = Channel.CreateUnbounded<ImageJob>();
    private readonly ConcurrentDictionary<string, ImageJob> _jobs = new();
    private readonly ConcurrentQueue<string> _ended = new();

    /// <summary>Jobs that wait.</summary>
    public int Waiting => _waiting.Reader.Count;

    /// <summary>Accepts a job: from here on its record survives the server.</summary>
    /// <exception cref="ProblemException">Where too many wait.</exception>
    public ImageJob Accept(string client, ImageRequest request)
    {
        IDisposable lease = quotas.TakeJob(client);
        if (Waiting >= options.WaitingJobs)
        {
            lease.Dispose();
            throw new ProblemException(StatusCodes.Status503ServiceUnavailable, "queue_full", $"{options.WaitingJobs} jobs wait already; try again later.");
        }

        var job = new ImageJob(Guid.NewGuid().ToString("n"), client, request, lease);
        try
        {
            journal.Write(RecordOf(job, JobState.Accepted));
        }
        catch
        {
            lease.Dispose();
            throw;
        }

        _jobs[job.Id] = job;
        _waiting.Writer.TryWrite(job);
        return job;
    }

    /// <summary>A job of this run of the server whose pictures are still held; null where there is none.</summary>
    public ImageJob? Find(string id) => _jobs.GetValueOrDefault(id);

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (ImageJob job in _jobs.Values)
        {
            job.Dispose();
        }

        base.Dispose();
    }

    // One thread for all jobs: libtorch keeps workers and memory for every thread that has ever called it.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Factory.StartNew(
        () =>
        {
            while (Next(stoppingToken) is { } job)
            {
                Work(job, stoppingToken);
            }

            while (_waiting.Reader.TryRead(out ImageJob? left))
            {
                Work(left, stoppingToken); // ends at once, and is told so
            }
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private ImageJob? Next(CancellationToken stoppingToken)
    {
        try
        {
            return _waiting.Reader.ReadAsync(stoppingToken).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private void Work(ImageJob job, CancellationToken stoppingToken)
    {
        using Activity? activity = ServerMetrics.Source.StartActivity("millrace.images", ActivityKind.Internal, job.Trace);
        activity?.SetTag("millrace.job", job.Id).SetTag("millrace.pictures", job.Request.Count);
        long start = time.GetTimestamp();
        (JobState state, Exception? error) = (JobState.Finished, null);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(job.Cancelled, stoppingToken);
        try
        {
            stop.Token.ThrowIfCancellationRequested();
            journal.Write(RecordOf(job, JobState.Running));
            Draw(job, stop.Token);
        }
        catch (OperationCanceledException cancelled) when (job.Cancelled.IsCancellationRequested)
        {
            (state, error) = (JobState.Cancelled, cancelled);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            (state, error) = (JobState.Failed, new OperationCanceledException(ImageJobJournal.Stopped));
        }
        catch (Exception failure)
        {
            (state, error) = (JobState.Failed, failure);
            LogFailure(logger, failure, job.Id);
        }

        Record(job, state, error);
        TimeSpan duration = time.GetElapsedTime(start);
        metrics.CountJob(state, duration);
        activity?.SetStatus(error is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error);
        LogEnd(logger, job.Id, state, duration);
        job.End(error);
        Forget(job.Id);
    }

    private void Record(ImageJob job, JobState state, Exception? error)
    {
        try
        {
            journal.Write(RecordOf(job, state) with { Error = error?.Message });
        }
        catch (IOException full)
        {
            LogUnrecorded(logger, full, job.Id); // its client is told all the same, and the next job is worked off
        }
    }

    private void Draw(ImageJob job, CancellationToken cancellationToken)
    {
        HostedModel model = library.GetAsync(job.Request.Model).GetAwaiter().GetResult();
        var painter = new PicturePainter(model, job.Request);
        int number = 0;
        byte[] Finish(Frame picture) => finisher.Encode(picture, job.Request.Format, job.Request.Compression, job.Request.Describe(model.Name, number));
        foreach (Frame picture in painter.Draw(new Telling(job), (partial, index) => job.Tell(new ImageJobEvent.Partial(Finish(partial), index)), cancellationToken))
        {
            job.Tell(new ImageJobEvent.Completed(Finish(picture)));
            number++;
        }
    }

    private void Forget(string id)
    {
        _ended.Enqueue(id);
        while (_ended.Count > KeptResults && _ended.TryDequeue(out string? oldest) && _jobs.TryRemove(oldest, out ImageJob? job))
        {
            job.Dispose();
        }
    }

    private JobRecord RecordOf(ImageJob job, JobState state) => new(job.Id, job.Client, state, time.GetUtcNow(), job.Request.Count);

    private sealed class Telling(ImageJob job) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => job.Tell(new ImageJobEvent.Progress(value.Evaluations, value.Of));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The end of the job {Job} could not be recorded.")]
    private static partial void LogUnrecorded(ILogger logger, Exception error, string job);

    [LoggerMessage(Level = LogLevel.Error, Message = "The job {Job} failed.")]
    private static partial void LogFailure(ILogger logger, Exception error, string job);

    [LoggerMessage(Level = LogLevel.Information, Message = "The job {Job} ended as {State} after {Duration}.")]
    private static partial void LogEnd(ILogger logger, string job, JobState state, TimeSpan duration);
}

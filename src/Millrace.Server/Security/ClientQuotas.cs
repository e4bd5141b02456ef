using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;

namespace Millrace.Server.Security;

/// <summary>What each client holds at present, against what it may hold.</summary>
internal sealed class ClientQuotas(MillraceServerOptions options) : IDisposable
{
    private readonly ConcurrentDictionary<(string Client, string Kind), int> _held = new();
    private readonly PartitionedRateLimiter<string> _requests = PartitionedRateLimiter.Create<string, string>(client => RateLimitPartition.GetTokenBucketLimiter(
        client, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(1, options.RequestsPerMinute / 4),
            TokensPerPeriod = Math.Max(1, options.RequestsPerMinute / 60),
            ReplenishmentPeriod = TimeSpan.FromMinutes(Math.Max(1, options.RequestsPerMinute / 60) / (double)options.RequestsPerMinute),
            QueueLimit = 0,
        }));

    /// <exception cref="ProblemException">Where the client asks too often.</exception>
    public void CountRequest(string client)
    {
        using RateLimitLease lease = _requests.AttemptAcquire(client);
        if (!lease.IsAcquired)
        {
            throw new ProblemException(StatusCodes.Status429TooManyRequests, "rate_limit_exceeded", $"A client may send {options.RequestsPerMinute} requests a minute; wait a little.");
        }
    }

    public IDisposable TakeConnection(string client) => Take(client, "connections", options.ConnectionsPerClient);

    public IDisposable TakeStream(string client) => Take(client, "streams", options.StreamsPerClient);

    public IDisposable TakeJob(string client) => Take(client, "jobs", options.JobsPerClient);

    public void Dispose() => _requests.Dispose();

    private Lease Take(string client, string kind, int most)
    {
        if (_held.AddOrUpdate((client, kind), 1, (_, held) => held + 1) > most)
        {
            Release(client, kind);
            throw new ProblemException(StatusCodes.Status429TooManyRequests, $"too_many_{kind}", $"A client may have {most} {kind} at once; end one first.");
        }

        return new Lease(this, client, kind);
    }

    private void Release(string client, string kind)
    {
        if (_held.AddOrUpdate((client, kind), 0, (_, held) => held - 1) == 0)
        {
            _held.TryRemove(new KeyValuePair<(string, string), int>((client, kind), 0));
        }
    }

    private sealed class Lease(ClientQuotas quotas, string client, string kind) : IDisposable
    {
        private int _released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) == 0)
            {
                quotas.Release(client, kind);
            }
        }
    }
}

using Millrace.Streaming.Hub;

namespace Millrace.Server;

/// <summary>What a server offers and what it allows. Bound from the configuration section <see cref="Section"/> and checked at the start.</summary>
public sealed record MillraceServerOptions
{
    /// <summary>Name of the configuration section.</summary>
    public const string Section = "Millrace";

    /// <summary>Names of the models offered, each with its folder. No request names a folder.</summary>
    public IReadOnlyDictionary<string, string> Models { get; init; } = new Dictionary<string, string>();

    /// <summary>The model of a request that names none; null for the first by name.</summary>
    public string? DefaultModel { get; init; }

    /// <summary>Keys of which every request must carry one. Without any, only requests from this machine are answered.</summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>Web origins, such as <c>https://studio.example</c>, whose pages may call beside the server's own.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Where job records are kept; null for a folder of the user's application data.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Most bytes of a request.</summary>
    public long MaximumBodyBytes { get; init; } = 32 << 20;

    /// <summary>Most bytes of one message of a stream.</summary>
    public int MaximumFrameBytes { get; init; } = 4 << 20;

    /// <summary>Most pixels of a picture or frame, looked at before it is decoded.</summary>
    public int MaximumPixels { get; init; } = 2048 * 2048;

    /// <summary>Most pixels of the pictures of a stream, for each costs everybody time; null for four times those of the model's own size.</summary>
    public int? MaximumStreamPixels { get; init; }

    /// <summary>Most steps of a stream.</summary>
    public int MaximumStreamSteps { get; init; } = 8;

    /// <summary>Most characters of a prompt.</summary>
    public int MaximumPromptLength { get; init; } = 4000;

    /// <summary>Most pictures of one request.</summary>
    public int MaximumPictures { get; init; } = 10;

    /// <summary>Most requests a minute of one client, which is a key or, without keys, an address.</summary>
    public int RequestsPerMinute { get; init; } = 1200;

    /// <summary>Most messages a second on one connection.</summary>
    public int MessagesPerSecond { get; init; } = 240;

    /// <summary>Most open connections of one client.</summary>
    public int ConnectionsPerClient { get; init; } = 64;

    /// <summary>Most streams of one client.</summary>
    public int StreamsPerClient { get; init; } = 8;

    /// <summary>Most jobs of one client that wait or run.</summary>
    public int JobsPerClient { get; init; } = 16;

    /// <summary>Most jobs that wait, of all clients.</summary>
    public int WaitingJobs { get; init; } = 256;

    /// <summary>Most streams of all clients.</summary>
    public int MaximumStreams { get; init; } = 64;

    /// <summary>Most rows of one network call of streams. Fewer make each call shorter, more make better use of it.</summary>
    public int MaximumRows { get; init; } = new StreamHubOptions().MaximumRows;

    /// <summary>
    /// Time from a frame's arrival to its picture that every stream is held to: one that is over it, though only its
    /// newest frame waits, makes its pictures with fewer steps, and says so with each of them. Null holds to none.
    /// </summary>
    public TimeSpan? LatencyTarget { get; init; }

    /// <summary>Time for a connection's first message.</summary>
    public TimeSpan HelloDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two messages of a client.</summary>
    public TimeSpan IdleDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Time in which a message must have been taken by the client.</summary>
    public TimeSpan SendDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for which the stream of a broken connection waits to be resumed.</summary>
    public TimeSpan ResumeWindow { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether pictures say in their metadata that they were generated, and how.</summary>
    public bool Provenance { get; init; } = true;

    /// <summary>Whether pictures carry a small visible mark.</summary>
    public bool VisibleMark { get; init; }

    /// <summary>Whether pictures carry a mark in their pixels that nobody sees and <see cref="Provenance.PictureOrigin"/> finds.</summary>
    public bool InvisibleMark { get; init; }

    /// <summary>Whether the web app is served at the root.</summary>
    public bool WebApp { get; init; } = true;

    /// <summary>Most pixels of the pictures of a stream of a model.</summary>
    /// <param name="side">Of the model's own size.</param>
    internal int StreamPixels(int side) => MaximumStreamPixels ?? (int)Math.Min(4L * side * side, MaximumPixels);

    /// <summary>How a model is shared.</summary>
    internal StreamHubOptions OfHub() => new() { MaximumStreams = MaximumStreams, MaximumRows = MaximumRows, LatencyTarget = LatencyTarget };

    /// <summary>All that is wrong, a sentence each.</summary>
    internal IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        void Require(bool holds, string problem)
        {
            if (!holds)
            {
                problems.Add(problem);
            }
        }

        void AtLeastOne(long value, string name) => Require(value >= 1, $"{name} must be at least 1, got {value}.");
        void Positive(TimeSpan value, string name) => Require(value > TimeSpan.Zero, $"{name} must be above zero, got {value}.");

        Require(Models.Count > 0, "Models must name at least one model and its folder.");
        Require(DefaultModel is null || Models.ContainsKey(DefaultModel), $"DefaultModel must be one of {string.Join(", ", Models.Keys)}, got {DefaultModel}.");
        Require(ApiKeys.All(key => key.Length >= 16), "Every one of ApiKeys must have at least 16 characters.");
        foreach (string origin in AllowedOrigins)
        {
            Require(
                Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && uri.GetLeftPart(UriPartial.Authority) == origin,
                $"AllowedOrigins must hold origins such as https://studio.example, got {origin}.");
        }

        AtLeastOne(MaximumBodyBytes, nameof(MaximumBodyBytes));
        AtLeastOne(MaximumFrameBytes, nameof(MaximumFrameBytes));
        AtLeastOne(MaximumPixels, nameof(MaximumPixels));
        AtLeastOne(MaximumStreamPixels ?? 1, nameof(MaximumStreamPixels));
        AtLeastOne(MaximumStreamSteps, nameof(MaximumStreamSteps));
        AtLeastOne(MaximumPromptLength, nameof(MaximumPromptLength));
        AtLeastOne(MaximumPictures, nameof(MaximumPictures));
        AtLeastOne(RequestsPerMinute, nameof(RequestsPerMinute));
        AtLeastOne(MessagesPerSecond, nameof(MessagesPerSecond));
        AtLeastOne(ConnectionsPerClient, nameof(ConnectionsPerClient));
        AtLeastOne(StreamsPerClient, nameof(StreamsPerClient));
        AtLeastOne(JobsPerClient, nameof(JobsPerClient));
        AtLeastOne(WaitingJobs, nameof(WaitingJobs));
        AtLeastOne(MaximumStreams, nameof(MaximumStreams));
        AtLeastOne(MaximumRows, nameof(MaximumRows));
        Positive(LatencyTarget ?? TimeSpan.MaxValue, nameof(LatencyTarget));
        Positive(HelloDeadline, nameof(HelloDeadline));
        Positive(IdleDeadline, nameof(IdleDeadline));
        Positive(SendDeadline, nameof(SendDeadline));
        Positive(ResumeWindow, nameof(ResumeWindow));
        return problems;
    }
}

using Millrace.Imaging;
using Millrace.Server.Models;
using Millrace.Streaming;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Live;

/// <summary>A client's stream. It outlives its connection for a while, so that the next one can go on with it.</summary>
internal sealed class LiveSession(string token, string client, HostedModel model, HubStream stream, LiveSettings settings, IDisposable lease) : IAsyncDisposable
{
    private CancellationTokenSource _owner = new();

    public string Token { get; } = token;

    public string Client { get; } = client;

    public HostedModel Model { get; } = model;

    public HubStream Stream { get; } = stream;

    public LiveSettings Settings { get; private set; } = settings;

    /// <summary>The model and the settings as JSON, for the metadata of its pictures.</summary>
    public string Description { get; private set; } = LiveJson.Describe(model.Name, settings);

    /// <summary>Id of the last frame that arrived; -1 where none has.</summary>
    public long LastFrame { get; private set; } = -1;

    /// <summary>When its connection was lost; null while it has one.</summary>
    public DateTimeOffset? LostAt { get; set; }

    /// <summary>Makes a connection the owner; the one before is told by its token.</summary>
    public CancellationToken TakeOver()
    {
        var owner = new CancellationTokenSource();
        Interlocked.Exchange(ref _owner, owner).Cancel();
        LostAt = null;
        return owner.Token;
    }

    /// <exception cref="LiveException">Where the id does not rise.</exception>
    public void Send(Frame frame)
    {
        try
        {
            Stream.Send(frame);
            LastFrame = frame.Id;
        }
        catch (ArgumentException error)
        {
            throw new LiveException(CloseCode.Malformed, error.Message);
        }
    }

    /// <summary>Counts the time of a stage that the engine does not see: reading a message to a frame, or writing a picture to one.</summary>
    public void Record(StreamStage stage, TimeSpan duration)
    {
        Stream.Statistics.Stages[stage].Record(duration);
        Model.Hub!.Statistics.Stages[stage].Record(duration);
    }

    /// <summary>Changes settings, all or none.</summary>
    /// <exception cref="ArgumentException">Says what is wrong.</exception>
    public void Change(LiveSettings change, MillraceServerOptions limits)
    {
        LiveSettings next = Settings.With(change);
        next.Validate(limits, Model.Model);
        bool words = (next.BlendedPrompt(), next.NegativePrompt) != (Settings.BlendedPrompt(), Settings.NegativePrompt);
        Stream.Post(new StreamCommand(0)
        {
            Prompt = words ? next.BlendedPrompt() : null,
            NegativePrompt = next.CleanNegativePrompt(),
            Options = next.ToOptions(),
        });
        (Settings, Description) = (next, LiveJson.Describe(Model.Name, next));
    }

    public async ValueTask DisposeAsync()
    {
        lease.Dispose();
        await Stream.DisposeAsync();
    }
}

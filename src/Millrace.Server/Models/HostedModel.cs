using Millrace.Checkpoints;
using Millrace.Runtime;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Models;

/// <summary>A loaded model, and the hub over which its streams share it.</summary>
internal sealed class HostedModel : IAsyncDisposable
{
    private HostedModel(string name, DiffusionModel model, StreamHub? hub) => (Name, Model, Hub) = (name, model, hub);

    public string Name { get; }

    public DiffusionModel Model { get; }

    /// <summary>Null where the model cannot be streamed.</summary>
    public StreamHub? Hub { get; }

    public static HostedModel Load(string name, string path, MillraceServerOptions options)
    {
        LibTorch.Load();
        DiffusionModel model = Checkpoint.Load(path);
        model.PrepareForInference(InferencePrecision.Measure());
        return new HostedModel(name, model, model.Streams
            ? new StreamHub(model.Denoiser, model.Autoencoder, new BlendingTextEncoder(model.TextEncoder), model.ProcessAt(model.DefaultSize, model.DefaultSize), options.OfHub())
            : null);
    }

    public async ValueTask DisposeAsync()
    {
        if (Hub is not null)
        {
            await Hub.DisposeAsync();
        }

        Model.Dispose();
    }
}

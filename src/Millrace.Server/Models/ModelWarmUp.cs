using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Millrace.Imaging;
using Millrace.Streaming;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Models;

/// <summary>Loads the default model while the server starts, and draws a first picture, so that no visitor waits for it.</summary>
internal sealed partial class ModelWarmUp(ModelLibrary library, ILogger<ModelWarmUp> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            HostedModel model = await library.GetAsync(null);
            if (model.Hub is { } hub)
            {
                int side = model.Model.DefaultSize;
                await using HubStream stream = hub.Open(new StreamOptions { Width = side, Height = side, Steps = [25] });
                stream.Send(new Frame(0, TimeSpan.Zero, 1, 1, new byte[3]));
                await foreach (HubFrame _ in stream.ReadAllAsync(stoppingToken))
                {
                    break;
                }
            }

            LogReady(logger, model.Name);
        }
        catch (ProblemException)
        {
            // The library has logged why; readyz says that there is no model, and a request for it the same.
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            LogFailure(logger, error, library.DefaultName);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The model {Model} is ready.")]
    private static partial void LogReady(ILogger logger, string model);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The model {Model} could not draw its first picture.")]
    private static partial void LogFailure(ILogger logger, Exception error, string model);
}

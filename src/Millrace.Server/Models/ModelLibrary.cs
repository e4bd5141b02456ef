using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Millrace.Server.Models;

/// <summary>The models that the options name, each loaded when it is first asked for.</summary>
internal sealed partial class ModelLibrary(MillraceServerOptions options, ILogger<ModelLibrary> logger) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Task<HostedModel>>> _models = new();

    public IEnumerable<string> Names => options.Models.Keys.Order(StringComparer.Ordinal);

    public string DefaultName => options.DefaultModel ?? Names.First();

    /// <summary>Those that are loaded.</summary>
    public IEnumerable<HostedModel> Loaded => _models.Values.Where(model => model is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }).Select(model => model.Value.Result);

    /// <summary>Whether the default model is ready.</summary>
    public bool Ready => Loaded.Any(model => model.Name == DefaultName);

    /// <summary>A model by name; null means the default.</summary>
    /// <exception cref="ProblemException">Where there is no such model, or it cannot be loaded.</exception>
    public Task<HostedModel> GetAsync(string? name)
    {
        string wanted = name ?? DefaultName;
        return options.Models.TryGetValue(wanted, out string? folder)
            ? _models.GetOrAdd(wanted, _ => new(() => LoadAsync(wanted, folder))).Value
            : throw new ProblemException(StatusCodes.Status404NotFound, "model_not_found", $"There is no model '{wanted}'; there are {string.Join(", ", Names)}.", "model");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (HostedModel model in Loaded.ToArray())
        {
            await model.DisposeAsync();
        }
    }

    // A thread of its own: libtorch keeps workers for every thread that has called it, and this one ends.
    private Task<HostedModel> LoadAsync(string name, string folder) =>
        Task.Factory.StartNew(() => Load(name, folder), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private HostedModel Load(string name, string folder)
    {
        try
        {
            return HostedModel.Load(name, folder, options);
        }
        catch (Exception error)
        {
            LogFailure(logger, error, name, folder); // a client must not learn the folder
            throw new ProblemException(StatusCodes.Status503ServiceUnavailable, "model_broken", $"The model '{name}' could not be loaded; the server's log says why.", "model");
        }
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "The model {Model} could not be loaded from {Folder}.")]
    private static partial void LogFailure(ILogger logger, Exception error, string model, string folder);
}

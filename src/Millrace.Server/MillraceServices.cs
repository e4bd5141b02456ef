using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Millrace.Server.Images;
using Millrace.Server.Live;
using Millrace.Server.Models;
using Millrace.Server.Observability;
using Millrace.Server.Provenance;
using Millrace.Server.Security;

namespace Millrace.Server;

/// <summary>Puts the server into a host.</summary>
public static class MillraceServices
{
    /// <summary>Name of the activity source and of the meter that OpenTelemetry listens to.</summary>
    public const string TelemetryName = "Millrace.Server";

    /// <summary>Adds the server's services, with options from the configuration section <see cref="MillraceServerOptions.Section"/>, and an <see cref="IImageGenerator"/>.</summary>
    /// <param name="services">Of the host.</param>
    /// <param name="change">Changes the options that the configuration gave; null changes nothing.</param>
    public static IServiceCollection AddMillrace(this IServiceCollection services, Func<MillraceServerOptions, MillraceServerOptions>? change = null)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => Checked(provider.GetService<IConfiguration>(), change));
        services.AddHostedService<StartupCheck>();
        services.AddSingleton<ModelLibrary>();
        services.AddHostedService<ModelWarmUp>();
        services.AddSingleton<ClientQuotas>();
        services.AddSingleton<Gate>();
        services.AddSingleton<ServerMetrics>();
        services.AddSingleton<PictureFinisher>();
        services.AddSingleton<ImageJobJournal>();
        services.AddSingleton<ImageJobQueue>();
        services.AddHostedService(provider => provider.GetRequiredService<ImageJobQueue>());
        services.AddSingleton<LiveSessions>();
        services.AddHostedService(provider => provider.GetRequiredService<LiveSessions>());
        services.AddSingleton<LiveEndpoint>();
        services.AddSingleton<IImageGenerator, MillraceImageGenerator>();
        services.AddOpenApi(ApiDocuments.Describe);
        return services;
    }

    private static MillraceServerOptions Checked(IConfiguration? configuration, Func<MillraceServerOptions, MillraceServerOptions>? change)
    {
        MillraceServerOptions options = Bound(configuration?.GetSection(MillraceServerOptions.Section));
        options = change?.Invoke(options) ?? options;
        IReadOnlyList<string> problems = options.Problems();
        return problems.Count == 0 ? options : throw Invalid(problems);
    }

    private static MillraceServerOptions Bound(IConfigurationSection? section)
    {
        HashSet<string> known = [.. typeof(MillraceServerOptions).GetProperties().Select(property => property.Name)];
        string[] unknown = [.. (section?.GetChildren() ?? []).Select(child => child.Key).Where(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase))];
        if (unknown.Length > 0)
        {
            throw Invalid(unknown.Select(name => $"{MillraceServerOptions.Section}:{name} is no option; there are {string.Join(", ", known.Order(StringComparer.Ordinal))}."));
        }

        try
        {
            return section?.Get<MillraceServerOptions>() ?? new();
        }
        catch (InvalidOperationException error)
        {
            throw Invalid([error.Message]); // names the option and the value that is no number, time or truth value
        }
    }

    private static OptionsValidationException Invalid(IEnumerable<string> problems) => new(MillraceServerOptions.Section, typeof(MillraceServerOptions), problems);

    /// <summary>Makes the host fail at its start, not at the first request, where the options are not valid.</summary>
    private sealed class StartupCheck(MillraceServerOptions options) : Microsoft.Extensions.Hosting.IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.FromResult(options);

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

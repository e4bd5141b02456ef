using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Millrace.Server;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;

namespace Millrace.Tests.Server;

/// <summary>A server over a small model, on a free port of this machine.</summary>
internal sealed class ServerHost : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly WebApplication _app;

    private ServerHost(Func<MillraceServerOptions, MillraceServerOptions> change)
    {
        TinyModel.Save(_folder.File("model"));
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders().AddProvider(Errors);
        builder.Services.AddMillrace(options => change(options with
        {
            Models = new Dictionary<string, string> { ["tiny"] = _folder.File("model") },
            DataFolder = _folder.File("data"),
            RequestsPerMinute = 100_000,
        }));
        _app = builder.Build();
        _app.MapMillrace();
    }

    /// <summary>What the server logged as an error.</summary>
    public ErrorLog Errors { get; } = new();

    public HttpClient Http { get; private set; } = null!;

    public IServiceProvider Services => _app.Services;

    public Uri StreamAddress => new UriBuilder(new Uri(Http.BaseAddress!, "v1/stream")) { Scheme = "ws" }.Uri;

    public static async Task<ServerHost> StartAsync(Func<MillraceServerOptions, MillraceServerOptions>? change = null)
    {
        var host = new ServerHost(change ?? (options => options));
        await host._app.StartAsync(TestContext.Current.CancellationToken);
        host.Http = new HttpClient { BaseAddress = new Uri(host._app.Urls.Single()), Timeout = TimeSpan.FromMinutes(2) };
        return host;
    }

    /// <summary>Waits until the model is loaded.</summary>
    public async Task<ServerHost> ReadyAsync()
    {
        while ((await Http.GetAsync("/readyz", TestContext.Current.CancellationToken)).StatusCode != HttpStatusCode.OK)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        return this;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        Http.Dispose();
        _folder.Dispose();
    }
}

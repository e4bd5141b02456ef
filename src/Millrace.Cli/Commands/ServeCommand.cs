using System.CommandLine;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Millrace.Server;

namespace Millrace.Cli.Commands;

/// <summary>millrace serve: models over the network.</summary>
internal static class ServeCommand
{
    private const string Summary = "Serve models: live streams over WebSocket, pictures in OpenAI's form, and a page to draw on.";

    private const string Details = """
        Examples:
          millrace serve                                   the shipped model, on this machine only
          millrace serve emoji /models/sd-turbo --port 8080

        Beyond this machine only with keys, which the environment holds: Millrace__ApiKeys__0, Millrace__ApiKeys__1, ...
        Every limit has such a variable too, Millrace__MaximumStreams for one. Where OTEL_EXPORTER_OTLP_ENDPOINT names a
        collector, traces and metrics go there. Ends with Ctrl+C.
        """;

    private static readonly Argument<string[]> Models = new("MODEL")
    {
        Description = "Model folders, single files, or names that \"millrace models\" lists; the first is the default.",
        Arity = ArgumentArity.ZeroOrMore,
        DefaultValueFactory = _ => [ModelCatalog.DefaultModel],
    };

    private static readonly Option<string> Host = new("--host") { Description = "Address to listen on: localhost, or an IP address of this machine.", DefaultValueFactory = _ => "localhost", HelpName = "ADDRESS" };

    private static readonly Option<int> Port = new Option<int>("--port") { Description = "Port to listen on; 0 takes a free one.", DefaultValueFactory = _ => 5080, HelpName = "N" }.Whole(0);

    private static readonly Option<string?> Data = new("--data") { Description = "Folder for the records of jobs; without it, one of the user's application data.", HelpName = "DIR" };

    private static readonly Option<LogForm> Log = new Option<LogForm>("--log") { Description = "Form of the log, which goes to the error output: text, or an object of JSON a line.", DefaultValueFactory = _ => LogForm.Text }.AmongNames();

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("serve", Summary, Details) { Models, Host, Port, Data, Log };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        await using WebApplication app = Build(parsed);
        await StartAsync(app, cancellationToken);
        terminal.WriteLine($"Millrace serves {string.Join(", ", parsed.GetValue(Models)!)} at {string.Join(", ", app.Urls)}");
        await app.WaitForShutdownAsync(cancellationToken);
        return ExitCode.Success;
    }

    private static WebApplication Build(ParseResult parsed)
    {
        string[] paths = [.. parsed.GetValue(Models)!.Select(ModelCatalog.Find)];
        string host = parsed.GetValue(Host)!;
        IPAddress? address = host == "localhost" ? null
            : IPAddress.TryParse(host, out IPAddress? parsedAddress) ? parsedAddress
            : throw new ArgumentException($"--host must be localhost or an IP address of this machine; got \"{host}\".");
        bool beyond = address is not null && !IPAddress.IsLoopback(address);

        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, address, parsed.GetValue(Port)));
        SetLogging(builder.Logging, parsed.GetValue(Log));
        Telemetry.Add(builder);
        builder.Services.AddMillrace(options => options with
        {
            Models = paths.ToDictionary(NameOf),
            DefaultModel = NameOf(paths[0]),
            DataFolder = parsed.GetValue(Data) ?? options.DataFolder,
            ApiKeys = options.ApiKeys.Count > 0 || !beyond ? options.ApiKeys : throw new ArgumentException(
                $"Beyond this machine, at {host}, only with keys: set the environment variable Millrace__ApiKeys__0 to a secret of at least 16 characters."),
        });
        return builder.Build();
    }

    private static async Task StartAsync(WebApplication app, CancellationToken cancellationToken)
    {
        try
        {
            app.MapMillrace();
            await app.StartAsync(cancellationToken);
        }
        catch (OptionsValidationException error)
        {
            throw new ArgumentException(error.Message, error);
        }
        catch (IOException error) when (error.InnerException is AddressInUseException)
        {
            await app.StopAsync(CancellationToken.None); // what has started already
            throw new ArgumentException($"{error.Message.TrimEnd('.')}; --port chooses another.", error);
        }
    }

    private static void SetLogging(ILoggingBuilder logging, LogForm form)
    {
        logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Millrace", LogLevel.Information);
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical); // why it does not start is said in one sentence, below
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (form == LogForm.Json)
        {
            logging.AddJsonConsole(console => (console.TimestampFormat, console.UseUtcTimestamp) = ("O", true));
        }
    }

    private static void Listen(KestrelServerOptions kestrel, IPAddress? address, int port)
    {
        kestrel.AddServerHeader = false;
        if (port > IPEndPoint.MaxPort)
        {
            throw new ArgumentException($"--port must be in 0..{IPEndPoint.MaxPort}; got {port}.");
        }

        if (address is null && port != 0)
        {
            kestrel.ListenLocalhost(port);
        }
        else
        {
            kestrel.Listen(address ?? IPAddress.Loopback, port); // both loopback addresses cannot share a port that is yet to be chosen
        }
    }

    private static string NameOf(string path) => Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(path));

    private enum LogForm
    {
        Text,
        Json,
    }
}
